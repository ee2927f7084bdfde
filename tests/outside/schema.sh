#!/usr/bin/env bash
# Writes src/schema.rs as the diesel CLI reads it off a database that the service has just migrated.
#   schema.sh BINARY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
command -v diesel >/dev/null || cargo install diesel_cli --locked --no-default-features --features postgres

# shellcheck source-path=SCRIPTDIR source=service.sh
. "$here/service.sh"
start_service "$1"
socket=$(sed -n 5p "$HOME_OF_SERVICE/data/pgdata/postmaster.pid")
diesel print-schema --database-url "postgresql://tdi@/territoires_industrie?host=$socket" >"$HOME_OF_SERVICE/schema.rs"
cat "$HOME_OF_SERVICE/schema.rs" >src/schema.rs
