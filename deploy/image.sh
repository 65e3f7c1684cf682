#!/bin/sh
# Gathers a file system for one executable: itself under all its names, the libraries it is linked
# with, and the certificate authorities.
#
#   image.sh PROGRAM FOLDER
set -eu
program=$1 to=$2

put() { # FILE: at the same place, links followed
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
# Names are looked up by these at run time.
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
  for file in /lib/*/"$library"; do if [ -e "$file" ]; then put "$file"; fi; done
done

put /etc/ssl/certs/ca-certificates.crt
# Where OpenSSL looks for them.
mkdir -p "$to/usr/lib/ssl"
ln -s /etc/ssl/certs/ca-certificates.crt "$to/usr/lib/ssl/cert.pem"

echo 'pulso:x:10001:10001::/data:/' >"$to/etc/passwd"
echo 'pulso:x:10001:' >"$to/etc/group"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
mkdir -m 1777 "$to/tmp"
# A new volume takes owner and rights from here.
mkdir -m 750 "$to/data"
chown 10001:10001 "$to/data"
