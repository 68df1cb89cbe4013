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

# Only one of us does this; the token only grows, for whatever the lock protects to compare.
althing lock invoices -- sh -c 'echo "sending invoices under token $ALTHING_LOCK_TOKEN"'

# Both or neither.
althing txn <<'TXN'
version("greeting") = "0"

put greeting "hello again"
put greetings 1
TXN
althing watch greeting --rev=1 --count=1 -o jsonl
althing status
