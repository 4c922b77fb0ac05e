#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when less than 2 % of the memory is left to use.
. ./server/common.sh

awk '/^MemTotal:/ { all = $2 } /^MemAvailable:/ { free = $2 }
    END { printf "%d of %d MiB available\n", free / 1024, all / 1024; exit (free < all * 0.02) }' \
    /proc/meminfo
