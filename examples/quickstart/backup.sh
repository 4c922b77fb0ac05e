#!/bin/sh
# SPDX-License-Identifier: MIT
# A backup worth the name: of a database in use, and read back before it counts. The database is
# made here too, so that the example runs anywhere.
set -eu

work=bansuri-quickstart
mkdir -p "$work"
if ! command -v sqlite3 >/dev/null; then
    echo "no sqlite3 on this machine; 'apt install sqlite3' brings it"
    exit 69
fi

live=$work/orders.db
copy=$work/orders-copy.db
partial=$copy.$$
trap 'rm -f "$partial"' EXIT
trap 'exit 143' TERM

sqlite3 "$live" "CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, made_at TEXT);
    INSERT INTO orders(made_at) VALUES (datetime('now'));"

sqlite3 "$live" ".backup '$partial'"
verdict=$(sqlite3 "$partial" 'PRAGMA integrity_check;')
if [ "$verdict" != ok ]; then
    echo "the copy is damaged: $verdict" >&2
    exit 1
fi
orders=$(sqlite3 "$partial" 'SELECT count(*) FROM orders;')
# Only a whole copy takes the place of the last one.
mv "$partial" "$copy"
echo "$orders orders copied to $copy, integrity $verdict"
