#!/usr/bin/env bash
# Two PostgreSQL servers under Patroni, which elects their primary through Althing as if it were etcd: Althing's
# leader is killed, and the primary stays; then the primary is killed, and the other one takes over with every row.
#
# Needs Debian's patroni and postgresql (any version; no service of theirs is used or touched).
# Run it: bash examples/patroni/failover.sh [folder] [first port of ten]

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d /tmp/althing-patroni-XXXXXX)}
port=${2:-24100}
althing=("${NODE:-node}" "$here/../../packages/althing/bin/althing.js")
postgres_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
mkdir -p "$folder"

# PostgreSQL refuses to run as root.
as_postgres=()
if [ "$(id -u)" = 0 ]; then
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --)
  chmod 755 "$folder"
fi

declare -A process
stop_all() {
  trap - EXIT INT TERM
  local name
  # Patroni stops its PostgreSQL before it ends; Althing goes last.
  for name in alpha beta m1 m2 m3; do
    [ -n "${process[$name]:-}" ] || continue
    kill -TERM "${process[$name]}" 2> /dev/null || continue
    wait "${process[$name]}" 2> /dev/null || true
  done
  for name in alpha beta; do kill_postgres "$name"; done
}
trap stop_all EXIT
trap 'exit 1' INT TERM

# ------------------------------------------------------------------------------------- Althing

client() { echo "127.0.0.1:$((port + $1 - 1))"; }
endpoints="$(client 1),$(client 2),$(client 3)"

ask() { ALTHING_ENDPOINTS=$endpoints "${althing[@]}" "$@"; }

start_member() {
  local peers="m1=http://127.0.0.1:$((port + 3)),m2=http://127.0.0.1:$((port + 4)),m3=http://127.0.0.1:$((port + 5))"
  "${althing[@]}" start --name="m$1" --data-dir="$folder/m$1" --initial-cluster="$peers" \
    --listen-client-urls="http://$(client "$1")" --advertise-client-urls="http://$(client "$1")" \
    --listen-peer-urls="http://127.0.0.1:$((port + 2 + $1))" \
    --initial-advertise-peer-urls="http://127.0.0.1:$((port + 2 + $1))" \
    > "$folder/m$1.log" 2>&1 &
  process[m$1]=$!
}

# ------------------------------------------------------------------------------------- Patroni

sql_port() { [ "$1" = alpha ] && echo $((port + 6)) || echo $((port + 7)); }
rest_port() { [ "$1" = alpha ] && echo $((port + 8)) || echo $((port + 9)); }

start_patroni() {
  local home="$folder/$1"
  mkdir -p "$home/run"
  sed -e "s|@NAME@|$1|; s|@HOME@|$home|; s|@BIN@|$postgres_bin|; s|@ETCD3@|$endpoints|" \
    -e "s|@SQL@|127.0.0.1:$(sql_port "$1")|; s|@REST@|127.0.0.1:$(rest_port "$1")|" \
    "$here/patroni.yml" > "$home/patroni.yml"
  [ ${#as_postgres[@]} -eq 0 ] || chown -R postgres: "$home"
  (cd "$home" && exec "${as_postgres[@]}" patroni patroni.yml) > "$folder/$1.log" 2>&1 &
  process[$1]=$!
}

# The server itself, as Patroni's death alone leaves it running.
kill_postgres() {
  local pid_file="$folder/$1/data/postmaster.pid"
  [ ! -f "$pid_file" ] || kill -KILL "$(head -n 1 "$pid_file")" 2> /dev/null || true
}

# Patroni answers 200 to /primary on the one that leads.
primary() {
  local name
  for name in alpha beta; do
    if curl -sf -m 2 -o /dev/null "http://127.0.0.1:$(rest_port "$name")/primary"; then
      echo "$name"
      return
    fi
  done
  return 1
}

sql() {
  "${as_postgres[@]}" "$postgres_bin/psql" -XAtq -h 127.0.0.1 -p "$(sql_port "$1")" -d postgres -c "$2"
}

# until_true <seconds> <what> <command...>
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "not in time: $what; see the logs in $folder, which end with:" >&2
      tail -n 15 "$folder"/*.log >&2
      exit 1
    fi
    sleep 0.3
  done
}

replicates() { [ "$(sql "$1" "select count(*) from pg_stat_replication where sync_state = 'sync'")" = 1 ]; }
leads() { [ "$(primary)" = "$1" ] && [ "$(sql "$1" 'show transaction_read_only')" = off ]; }
answers() { ask put ready yes; }

# ------------------------------------------------------------------------------------ the story

for member in 1 2 3; do start_member $member; done
until_true 30 "Althing answers" answers

start_patroni alpha
until_true 60 "alpha leads" leads alpha
start_patroni beta
until_true 60 "beta follows" replicates alpha
echo "the primary is $(primary), by the key $(ask get /service/althing-example/leader --print-value-only)"
sql alpha 'create table law (said text)'
sql alpha "insert into law values ('before')"

leader_port=$(ask status --cluster | sed -n 's|^[^,]*:\([0-9]*\), .*, leader, .*|\1|p')
leader=m$((leader_port - port + 1))
# Disowned, so that the shell does not announce its death.
disown "${process[$leader]}"
kill -KILL "${process[$leader]}"
unset "process[$leader]"
until_true 20 "Althing answers without its leader" answers
# Two rounds of Patroni's loop: whoever could not hold its key would have stepped down by now.
sleep 5
echo "Althing lost its leader; the primary is $(primary)"
until_true 20 "beta follows still" replicates alpha
sql alpha "insert into law values ('while one of three is gone')"

disown "${process[alpha]}"
kill -KILL "${process[alpha]}"
unset "process[alpha]"
kill_postgres alpha
echo "alpha is gone"
until_true 60 "beta takes over" leads beta
sql beta "insert into law values ('after')"
echo "the primary is $(primary)"
echo "its rows: $(sql beta 'select said from law' | paste -sd, -)"
