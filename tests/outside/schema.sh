#!/usr/bin/env bash
# Writes src/schema.rs as the diesel CLI reads it off a database that the service has just migrated.
#   schema.sh BINARY TOOLS
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
mkdir -p "$2"

# The version is fixed: another one may write the same schema otherwise.
diesel_cli=2.3.14
if [ "$(cat "$2/diesel_cli" 2>/dev/null)" != "$diesel_cli" ]; then
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet diesel_cli --version "$diesel_cli" --locked --debug --root "$2" \
        --no-default-features --features postgres
    echo "$diesel_cli" >"$2/diesel_cli"
fi

# shellcheck source-path=SCRIPTDIR source=service.sh
. "$here/service.sh"
start_service "$1"
socket=$(sed -n 5p "$HOME_OF_SERVICE/data/pgdata/postmaster.pid")
"$2/bin/diesel" print-schema --database-url "postgresql://tdi@/territoires_industrie?host=$socket" >"$HOME_OF_SERVICE/schema.rs"
cat "$HOME_OF_SERVICE/schema.rs" >src/schema.rs
