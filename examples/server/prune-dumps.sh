#!/bin/sh
# SPDX-License-Identifier: MIT
# Keeps the newest dumps, and nothing of what a killed dump left behind.
. ./server/common.sh

keep=3
find "$work/dumps" -name '*.sql.gz' | sort -r | tail -n +$((keep + 1)) | while read -r old; do
    rm -f "$old"
    echo "removed ${old##*/}"
done
find "$work/dumps" -name 'partial.*' -mmin +60 -delete
