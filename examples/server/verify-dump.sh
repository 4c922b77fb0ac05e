#!/bin/sh
# SPDX-License-Identifier: MIT
# Reads the newest dump from end to end: a backup that nobody has read is a hope.
. ./server/common.sh

newest=$(find "$work/dumps" -name '*.sql.gz' | sort | tail -n 1)
if [ -z "$newest" ]; then
    echo "no dump yet"
    exit 0
fi
lines=$(gzip -dc "$newest" | grep -c '^INSERT' || true)
if [ "$lines" -eq 0 ]; then
    echo "${newest##*/} holds no rows" >&2
    exit 1
fi
echo "${newest##*/} holds $lines rows"
