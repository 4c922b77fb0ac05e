#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for a server that is often busy: of every five attempts only the last succeeds.
set -eu

work=bansuri-quickstart
mkdir -p "$work"
calls=$(cat "$work/upload-calls" 2>/dev/null || echo 0)
calls=$((calls + 1))
echo "$calls" >"$work/upload-calls"

if [ $((calls % 5)) -ne 0 ]; then
    echo "503 Service Unavailable (attempt $BANSURI_ATTEMPT)" >&2
    exit 22
fi
echo "uploaded (attempt $BANSURI_ATTEMPT)"
