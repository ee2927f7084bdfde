#!/usr/bin/env bash
# Asks every operation of the document whatever its schemas allow, and what they forbid: the document's examples, each
# boundary of each schema, then at random, and in walks of several requests. Three to four minutes on two cores, bounded
# by `max-examples` in schemathesis.toml, the same each time unless SEED says otherwise. That is done with the demo key,
# which may do everything; then each boundary once more with a key that may do little, and with none. Needs URL, KEY,
# KEY_OF_TERRITORY and TOOLS; more arguments go to schemathesis.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$TOOLS" # where it writes what it remembers
export SCHEMATHESIS_HOOKS=$here/schemathesis_hooks.py

# ask PHASES HEADER...: what is asked of the service by who sends these headers.
ask() {
    local phases=$1
    shift
    "$TOOLS/venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$URL/openapi.json" "$@" \
        --seed "${SEED:-2019}" --checks all --mode all --phases "$phases" --no-color
}

# What would end the key that asks is asked last.
ends=(create_api_key_revocation create_api_key_rotation create_grant_end)
ask examples,coverage,fuzzing,stateful --header "Authorization: Bearer $KEY" "${ends[@]/#/--exclude-operation-id=}"
ask coverage --header "Authorization: Bearer $KEY_OF_TERRITORY"
ask coverage
ask coverage --header "Authorization: Bearer $KEY" "${ends[@]/#/--include-operation-id=}"
