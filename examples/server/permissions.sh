#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when a private key can be read by others. Runs with a clean environment, as cron would.
. ./server/common.sh

# A key that has just been made has the rights that the umask gave it.
find "$work/tls" -name '*.key' -exec chmod 600 {} +
open=$(find "$work/tls" -name '*.key' -perm /077)
if [ -n "$open" ]; then
    echo "readable by others: $open" >&2
    exit 1
fi
echo "keys are private; $(env | wc -l) variables in the environment"
