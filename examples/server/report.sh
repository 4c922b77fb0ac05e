#!/bin/sh
# SPDX-License-Identifier: MIT
# A page for people, appended to a file by "stdout".
. ./server/common.sh

echo "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    "dumps: $(find "$work/dumps" -name '*.sql.gz' | wc -l)," \
    "orders waiting: $(find "$work/spool" -name 'order.*' | wc -l)," \
    "logs kept: $(find "$work/log" -name '*.gz' | wc -l)"
