#!/bin/sh
# SPDX-License-Identifier: MIT
# A database dump that is either whole or not there: written beside its place, read back, moved.
# With PGDATABASE set and pg_dump at hand it dumps that database; else it makes rows of its own.
. ./server/common.sh

partial=$(mktemp "$work/dumps/partial.XXXXXX")
trap 'rm -f "$partial"' EXIT

rows() {
    if [ -n "${PGDATABASE:-}" ] && command -v pg_dump >/dev/null; then
        pg_dump --no-password
    else
        echo "-- stand-in for pg_dump, $(date -u +%Y-%m-%dT%H:%M:%SZ)"
        awk 'BEGIN { for (i = 1; i <= 20000; i++)
            printf "INSERT INTO orders VALUES (%d, %d);\n", i, i * 7 % 1000 }'
    fi
    # A pipe reports only its last part; this line proves that the first part came to its end.
    echo "-- dump complete"
}
rows | gzip -1 >"$partial"
if [ "$(gzip -dc "$partial" | tail -n 1)" != "-- dump complete" ]; then
    echo "the dump is cut short; the last good one stays the newest" >&2
    exit 1
fi

dump=$work/dumps/shop-$(date -u +%Y%m%dT%H%M%SZ).sql.gz
mv "$partial" "$dump"
echo "wrote ${dump##*/}, $(wc -c <"$dump") bytes"
