#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows the file that notify_command appends to, for as long as Bansuri runs.
set -eu

messages=bansuri-quickstart/messages.txt
mkdir -p "${messages%/*}"
: >>"$messages"
exec tail -n 0 -F "$messages"
