# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What every script of this example begins with: where it may write, and how it leaves.
# All data is made below one directory, beside the configuration; delete it at any time.
set -eu

work=$PWD/bansuri-server
mkdir -p "$work/dumps" "$work/log" "$work/site" "$work/spool" "$work/tmp" "$work/tls"

# A shell that is ended by a signal skips its EXIT trap unless it is told to leave.
trap 'exit 143' TERM
trap 'exit 130' INT
