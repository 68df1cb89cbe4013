#!/bin/sh
# Saves a running cluster in a file, verifies it, and makes a new member of it in a folder of its own. Needs a
# cluster: `npm start` in another terminal, or set ALTHING_ENDPOINTS to one of its members.
# Run it: sh examples/backup-and-restore.sh FOLDER

set -eu
folder=${1:?say where the backup and the new data directory shall be}
althing() {
  npx --no-install althing "$@"
}

althing put precious "worth a backup"
althing snapshot save "$folder/backup.db"
althing snapshot status "$folder/backup.db" -o table

# A cluster of one. For three, do this on each machine with its own --name, --data-dir and
# --initial-advertise-peer-urls, and the same file and --initial-cluster: see docs/backup.md.
peers=${ALTHING_RESTORED_PEERS:-http://127.0.0.1:2380}
althing snapshot restore "$folder/backup.db" --data-dir="$folder/restored" --initial-advertise-peer-urls="$peers"
echo "Start it: althing start --data-dir=$folder/restored --initial-advertise-peer-urls=$peers"
