#!/usr/bin/env bash
# Proofs from outside: starts a service (the binary is named) on demo data, then asks it over HTTP as a stranger would.
#   run.sh BINARY [client|docs|cog|oidc|schemathesis ...]      all of them unless named
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
[ $# -gt 0 ] || set -- client docs cog oidc schemathesis

export TOOLS=${TOOLS:-$root/target/outside}
"$here/tools.sh" "$TOOLS"
# shellcheck source-path=SCRIPTDIR source=service.sh
. "$here/service.sh"
export KEEP_LOG=$TOOLS/service.log
start_service "$binary"

for proof; do
    begun=$SECONDS
    echo "== $proof"
    case $proof in
        client) "$here/client/run.sh" ;;
        docs) node "$here/client/docs.mjs" ;;
        cog) "$here/cog.sh" "$binary" ;;
        oidc) "$here/oidc.sh" "$binary" ;;
        schemathesis) "$here/schemathesis.sh" ;;
        *) echo "there is no proof named $proof" >&2 && exit 2 ;;
    esac
    echo "== $proof: passed in $((SECONDS - begun)) s"
done

# Nothing that was asked may have been a fault of the service.
if grep -nE ' 500 ' "$HOME_OF_SERVICE/log"; then
    echo 'the service answered 500' >&2
    exit 1
fi
