#!/usr/bin/env bash
# Generates a client's types from the committed document, compiles the client as strictly as TypeScript can, runs it.
# Needs URL and KEY.
set -euo pipefail
cd "$(dirname "$0")"
npx openapi-typescript ../../../openapi/openapi.json --output schema.d.ts
npx tsc
node built/client.js
