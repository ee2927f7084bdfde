#!/usr/bin/env bash
# Asks every operation of the document whatever its schemas allow, and what they forbid: the document's examples, each
# boundary of each schema, then at random, and in walks of several requests. Three to four minutes on two cores, bounded
# by `max-examples` in schemathesis.toml, the same each time unless SEED says otherwise. Needs URL, KEY and TOOLS; more arguments go to schemathesis.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$TOOLS" # where it writes what it remembers
SCHEMATHESIS_HOOKS=$here/schemathesis_hooks.py exec "$TOOLS/venv/bin/schemathesis" \
    --config-file "$here/schemathesis.toml" run "$URL/openapi.json" --header "Authorization: Bearer $KEY" \
    --seed "${SEED:-2019}" --checks all --mode all --phases examples,coverage,fuzzing,stateful --no-color "$@"
