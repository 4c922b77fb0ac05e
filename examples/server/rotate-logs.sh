#!/bin/sh
# SPDX-License-Identifier: MIT
# Moves a log aside; whoever appends with >> begins a new one by itself.
. ./server/common.sh

for log in "$work"/log/*.log; do
    if [ ! -s "$log" ]; then continue; fi
    name=${log##*/}
    mv "$log" "$work/log/${name%.log}-$(date -u +%Y%m%dT%H%M%SZ).old"
    echo "rotated $name"
done
