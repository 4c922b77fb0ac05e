#!/bin/sh
# SPDX-License-Identifier: MIT
# Compresses what was moved aside, and forgets the oldest.
. ./server/common.sh

for log in "$work"/log/*.old; do
    if [ ! -e "$log" ]; then continue; fi
    before=$(wc -c <"$log")
    gzip -9 "$log"
    echo "${log##*/}: $before bytes, now $(wc -c <"$log.gz")"
done
find "$work/log" -name '*.gz' | sort -r | tail -n +11 | while read -r old; do rm -f "$old"; done
