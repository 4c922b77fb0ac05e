#!/bin/sh
# SPDX-License-Identifier: MIT
# Where messages go in this example: a file. On a server with a mail system, instead:
#   exec mail -s "Bansuri: $BANSURI_TASK $BANSURI_OUTCOME" root
. ./server/common.sh

{
    echo "---- $(date -u +%Y-%m-%dT%H:%M:%SZ) to root: $BANSURI_TASK $BANSURI_OUTCOME"
    cat
} >>"$work/mail.txt"
