#!/bin/sh
# The command line in a nutshell. Needs a cluster: `npm start` in another terminal, or set ALTHING_ENDPOINTS.
# Run it: sh examples/command-line.sh

set -eu
althing() {
  npx --no-install althing "$@"
}

althing put greeting "hello"
althing put greeting/is "godan daginn"
althing get greeting
althing get greeting --prefix -o json
althing del greeting --prefix
althing status
