# Sourced by the scripts of this folder: starts the service on a private, empty folder and a free port; ends it at exit.
# shellcheck shell=bash

# start_service BINARY [SETTING=VALUE...]: sets URL, KEY, KEY_OF_TERRITORY, HOME_OF_SERVICE and SERVICE (the process).
start_service() {
    local binary=$1
    shift
    HOME_OF_SERVICE=$(mktemp -d "${TMPDIR:-/tmp}/territoires-outside-XXXXXX")
    chmod 755 "$HOME_OF_SERVICE" # root gives the cluster to another account
    trap stop_service EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    env -u DATABASE_URL -u PUBLIC_URL -u NO_DEMO RATE_READS=0 RATE_WRITES=0 RATE_EXPORTS=0 RATE_FAILURES=0 \
        BIND=127.0.0.1:0 DATA_DIR="$HOME_OF_SERVICE/data" "$@" "$binary" \
        >"$HOME_OF_SERVICE/out" 2>"$HOME_OF_SERVICE/log" &
    SERVICE=$!
    local tries=0
    until grep -q '^Demo key' "$HOME_OF_SERVICE/out"; do
        if ! kill -0 "$SERVICE" 2>/dev/null || [ $((tries += 1)) -gt 600 ]; then
            echo 'The service did not start:' >&2
            tail -n 20 "$HOME_OF_SERVICE/log" >&2
            exit 1
        fi
        sleep 0.1
    done
    URL=$(sed -n 's|^API  *\(.*\)/api/v1$|\1|p' "$HOME_OF_SERVICE/out")
    KEY=$(sed -n 's|^Demo key  *||p' "$HOME_OF_SERVICE/out")
    # A key that may do little: of the first territory alone.
    local territory
    territory=$(curl -fsS "$URL/api/v1/territories?limit=1" | grep -oE '"id":"[^"]+"' | head -n 1 | cut -d '"' -f 4)
    KEY_OF_TERRITORY=$(DATA_DIR="$HOME_OF_SERVICE/data" "$binary" keys create territory --grant "editor@territory:$territory" 2>/dev/null)
    export URL KEY KEY_OF_TERRITORY HOME_OF_SERVICE
}

stop_service() {
    local status=$?
    if [ -n "${SERVICE-}" ] && kill -0 "$SERVICE" 2>/dev/null; then
        kill "$SERVICE"
        wait "$SERVICE" || true
    fi
    if [ "$status" -ne 0 ] && [ -n "${KEEP_LOG-}" ]; then
        cp "$HOME_OF_SERVICE/log" "$KEEP_LOG" && echo "The log of the service: $KEEP_LOG" >&2
    fi
    rm -rf "$HOME_OF_SERVICE"
    return "$status"
}
