#!/usr/bin/env bash
# A provider of identities in use elsewhere (npm oidc-provider) on this machine, and a service of its own that was told of it.
#   oidc.sh BINARY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=$(python3 -c 'import socket; free = socket.socket(); free.bind(("127.0.0.1", 0)); print(free.getsockname()[1])')
export ISSUER=http://127.0.0.1:$port AUDIENCE=https://territoires-industrie.example
# shellcheck source-path=SCRIPTDIR source=service.sh
. "$here/service.sh"
start_service "$1" OIDC_ISSUERS="$ISSUER=$AUDIENCE"
env -u DATABASE_URL DATA_DIR="$HOME_OF_SERVICE/data" "$1" grants give --issuer "$ISSUER" --claim groups --value anct approver@nation >/dev/null
node "$here/client/oidc.mjs"
