#!/usr/bin/env bash
# Loads the whole COG of 2026 into the running service, as the README says, and asks for it. Needs URL and HOME_OF_SERVICE.
#   cog.sh BINARY
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
make --no-print-directory -C "$root" cog >/dev/null
data=$root/target/cog/package/data
export DATA_DIR=$HOME_OF_SERVICE/data
"$1" load cog --year 2026 "$data"
again=$("$1" load cog --year 2026 "$data" 2>/dev/null)
if [ "$(grep -c ' 0 new, 0 changed, 0 removed' <<<"$again")" != 4 ]; then
    echo "loaded twice, it is not the same: $again" >&2
    exit 1
fi

# expect WHAT JQ PATH: what jq makes of an answer.
expect() {
    local told
    told=$(curl -fsS "$URL/api/v1$3" | jq -c "$2")
    [ "$told" = "$1" ] || {
        echo "$3: $told, and not $1" >&2
        exit 1
    }
}
expect 34969 .meta.total '/communes?count=true&limit=1'
expect 1266 .meta.total '/intercommunalities?count=true&limit=1'
expect '"Marseille"' .name /communes/13201
expect '["Métropole du Grand Paris",130]' '[.name, .communes_count]' /intercommunalities/200054781
expect '[]' '[.data[].perimeter.unknown_members[]]' '/territories?include=perimeter&limit=1000'
