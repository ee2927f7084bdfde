#!/usr/bin/env bash
# Installs what the proofs from outside need and the machine lacks: Python's, Rust's and Node's tools into the folder
# named, a Chromium by the system's own means. Does nothing the second time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=$1
cargo_deny=0.20.2
mkdir -p "$tools"

apt() {
    local sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/dev/null
}
missing=()
command -v curl >/dev/null || missing+=(curl)
command -v jq >/dev/null || missing+=(jq)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
"$here/chromium.sh" >/dev/null || missing+=(chromium)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    if command -v apt-get >/dev/null; then
        apt "${missing[@]}"
    elif command -v brew >/dev/null; then
        for name in "${missing[@]}"; do
            case $name in
                nodejs | npm) brew install node ;;
                chromium) brew install --cask chromium ;;
                python3-venv) brew install python ;;
                *) brew install "$name" ;;
            esac
        done
    else
        echo "please install ${missing[*]}" >&2
        exit 1
    fi
fi

if ! cmp -s "$here/requirements.txt" "$tools/requirements.txt"; then
    python3 -m venv --clear "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$tools/requirements.txt"
fi

# Built once, and not optimised: a minute, and not four.
if [ "$(cat "$tools/cargo-deny" 2>/dev/null)" != "$cargo_deny" ]; then
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet cargo-deny --version "$cargo_deny" --locked --debug --root "$tools"
    echo "$cargo_deny" >"$tools/cargo-deny"
fi

# Node finds its packages beside the scripts.
if ! cmp -s "$here/client/package-lock.json" "$here/client/node_modules/.installed"; then
    npm --prefix "$here/client" ci --silent --no-audit --no-fund
    cp "$here/client/package-lock.json" "$here/client/node_modules/.installed"
fi
