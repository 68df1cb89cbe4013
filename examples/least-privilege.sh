#!/bin/sh
# Enable auth, and give an application a user that may read and write its own keys and nothing else. Users, roles
# and permissions are made over JSON, as any program can; the application then uses the command line.
# Needs a cluster of its own: `npm start` in another terminal, or set ALTHING_ENDPOINTS. Run it: sh examples/least-privilege.sh

set -eu
endpoint=${ALTHING_ENDPOINTS:-127.0.0.1:2379}
althing() {
  npx --no-install althing "$@"
}
tell() {
  curl --silent --show-error --fail-with-body --data "$2" --header "Authorization: ${token:-}" "http://$endpoint/v3/auth/$1"
}
bytes() {
  printf %s "$1" | base64
}

tell user/add '{"name": "root", "password": "all of it"}'
tell user/grant '{"user": "root", "role": "root"}'
tell user/add '{"name": "shop", "password": "its own"}'
tell role/add '{"name": "shop"}'
# Everything that begins with shop/: the end is the first key after that.
tell role/grant "{\"name\": \"shop\", \"perm\": {\"permType\": \"READWRITE\", \"key\": \"$(bytes shop/)\", \"range_end\": \"$(bytes shop0)\"}}"
tell user/grant '{"user": "shop", "role": "shop"}'
tell enable '{}'
echo

althing put greeting hello --user 'root:all of it'
althing put shop/open yes --user 'shop:its own'
# On the command line a password is seen by everybody on the machine; in the environment it is not.
export ALTHING_USER='shop:its own'
althing get shop/ --prefix
althing get greeting || echo "the shop may not read that"
althing put greeting gone || echo "nor write it"

token=$(curl --silent --data '{"name": "root", "password": "all of it"}' "http://$endpoint/v3/auth/authenticate" |
  sed 's/.*"token":"\([^"]*\)".*/\1/')
tell status '{}'
echo
tell disable '{}'
