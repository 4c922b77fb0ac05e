#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts an order into the queue. Written elsewhere and moved in, so that nobody reads half of one.
. ./server/common.sh

order=$(mktemp "$work/tmp/order.XXXXXX")
date -u +%Y-%m-%dT%H:%M:%SZ >"$order"
mv "$order" "$work/spool/${order##*/}"
echo "queued ${order##*/}"
