#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for a service that runs for ever: serves a page, says that it lives, writes a log.
. ./server/common.sh

echo "shop: serving $work/site as process $$"
number=0
while :; do
    number=$((number + 1))
    echo "ok $number" >"$work/site/health.new"
    mv "$work/site/health.new" "$work/site/health"
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) GET /order/$number 200" >>"$work/log/access.log"
    sleep 1
done
