#!/bin/sh
# SPDX-License-Identifier: MIT
# Asks the shop whether it lives. A real one has an address: curl -fsS https://shop.example/health
. ./server/common.sh

# The shop may have been started in this very second.
for try in 1 2 3 4 5; do
    if [ -s "$work/site/health" ]; then break; fi
    sleep 1
done
if command -v curl >/dev/null; then
    answer=$(curl -fsS --max-time 5 "file://$work/site/health")
else
    answer=$(cat "$work/site/health")
fi
case $answer in
    ok*) echo "healthy after $try look(s): $answer" ;;
    *)
        echo "the shop answers: $answer" >&2
        exit 1
        ;;
esac
