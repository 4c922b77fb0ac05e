#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes what nobody has touched for a day; leaves one file of each run to show that it works.
. ./server/common.sh

: >"$work/tmp/upload-$(date -u +%H%M%S).part"
echo "$(find "$work/tmp" -type f -mmin +1440 -print -delete | wc -l) old file(s) removed"
