#!/usr/bin/env bash
# Asks every operation of the document whatever its schemas allow, and what they forbid: the document's examples, each
# boundary of each schema, then at random, and in walks of several requests. Six to ten minutes on two cores, bounded
# by `max-examples` in schemathesis.toml, the same each time unless SEED says otherwise. That is done with the demo key,
# which may do everything; then whatever is allowed, at each boundary, once more with a key that may do little, and, where it
# is read, with none: what is forbidden is forbidden to all alike. Needs URL, KEY, KEY_OF_TERRITORY and TOOLS.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$TOOLS" # where it writes what it remembers
export SCHEMATHESIS_HOOKS=$here/schemathesis_hooks.py

# ask MODE PHASES HEADER...: what is asked of the service by who sends these headers.
ask() {
    local mode=$1 phases=$2
    shift 2
    "$TOOLS/venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$URL/openapi.json" "$@" \
        --seed "${SEED:-2019}" --checks all --mode "$mode" --phases "$phases" --no-color
}

# Each asks on a core of its own; what would end the key that asks is asked last.
ends=(create_api_key_revocation create_api_key_rotation create_grant_end)
status=0
ask all examples,coverage,fuzzing,stateful --header "Authorization: Bearer $KEY" "${ends[@]/#/--exclude-operation-id=}" >demo.log 2>&1 &
demo=$!
trap 'kill "$demo" 2>/dev/null || true' EXIT
ask positive coverage --header "Authorization: Bearer $KEY_OF_TERRITORY" || status=$?
ask positive coverage --include-method GET || status=$?
wait "$demo" || status=$?
cat demo.log
ask all coverage --header "Authorization: Bearer $KEY" "${ends[@]/#/--include-operation-id=}" || status=$?
exit "$status"
