#!/bin/sh
# Prints where this machine's Chromium is; fails when it has none.
for name in "${CHROMIUM-}" chromium chromium-browser google-chrome \
    '/Applications/Chromium.app/Contents/MacOS/Chromium' '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
    [ -n "$name" ] && command -v "$name" && exit 0
done
exit 1
