#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when the certificate ends within 30 days. The certificate is made here, for a year.
. ./server/common.sh

if ! command -v openssl >/dev/null; then
    echo "no openssl on this machine; nothing checked"
    exit 0
fi
file=$work/tls/shop.pem
if [ ! -s "$file" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=shop.example \
        -keyout "$work/tls/shop.key" -out "$file" 2>/dev/null
    echo "made a certificate for shop.example"
fi
openssl x509 -in "$file" -noout -enddate
openssl x509 -in "$file" -noout -checkend $((30 * 24 * 3600))
