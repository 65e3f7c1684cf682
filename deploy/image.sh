#!/bin/sh
# Collects the root file system for one executable: the executable under all its names, the libraries it is
# linked with, and the certificate authorities.
#
#   image.sh PROGRAM FOLDER
set -eu
program=$1 to=$2

put() { # FILE: copies it to the same path, following links
  mkdir -p "$to$(dirname "$1")"
  cp -L "$1" "$to$1"
}

put "$program"
for name in acquisition speed batch web simulator; do
  ln -s pulso "$to/usr/local/bin/pulso-$name"
done

ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
  put "$library"
done
# The C library loads these at run time to resolve names.
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
  for file in /lib/*/"$library"; do if [ -e "$file" ]; then put "$file"; fi; done
done

put /etc/ssl/certs/ca-certificates.crt
# OpenSSL looks for the authorities here.
mkdir -p "$to/usr/lib/ssl"
ln -s /etc/ssl/certs/ca-certificates.crt "$to/usr/lib/ssl/cert.pem"

echo 'pulso:x:10001:10001::/data:/' >"$to/etc/passwd"
echo 'pulso:x:10001:' >"$to/etc/group"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
mkdir -m 1777 "$to/tmp"
# A new volume inherits the owner and mode of this folder.
mkdir -m 750 "$to/data"
chown 10001:10001 "$to/data"
