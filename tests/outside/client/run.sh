#!/usr/bin/env bash
# Generates a client's types from the document as OpenAPI 3.0 says it, then from the committed one, compiles the client with either as
# strictly as TypeScript can, and runs it. Needs URL and KEY.
set -euo pipefail
cd "$(dirname "$0")"
for document in "$URL/openapi-3.0.json" ../../../openapi/openapi.json; do
    npx openapi-typescript "$document" --output schema.d.ts
    npx tsc
done
node built/client.js
