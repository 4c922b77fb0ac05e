#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for a service of somebody else that refuses every other call.
. ./server/common.sh

calls=$(cat "$work/tmp/rates-calls" 2>/dev/null || echo 0)
calls=$((calls + 1))
echo "$calls" >"$work/tmp/rates-calls"
if [ $((calls % 2)) -eq 1 ]; then
    echo "429 Too Many Requests" >&2
    exit 75
fi
echo "EUR 1.00 = USD 1.08"
