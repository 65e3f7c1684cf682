#!/bin/sh
# Creates an authority, certificates and passwords in /certificates, and keeps those that exist. To renew one,
# remove its file, run this again, and restart the services.
#
# Each service has its own folder, which is a volume and which only its user can read.
set -eu
umask 077
cd "${1:-/certificates}"
days=${DAYS:-825}
chmod 755 .

if [ ! -e authority/ca.key ]; then
  mkdir -p authority
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=Pulso authority' -keyout authority/ca.key -out authority/ca.crt 2>/dev/null
fi

certificate() { # SERVICE OWNER
  mkdir -p "$1"
  if [ ! -e "$1/server.crt" ]; then
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
      -keyout "$1/server.key" -out "$1/request" 2>/dev/null
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\n' "$1" >"$1/extensions"
    openssl x509 -req -in "$1/request" -CA authority/ca.crt -CAkey authority/ca.key \
      -CAcreateserial -days "$days" -extfile "$1/extensions" -out "$1/server.crt" 2>/dev/null
    rm "$1/request" "$1/extensions"
    # Kafka reads key and certificate from one file.
    cat "$1/server.key" "$1/server.crt" >"$1/server.pem"
  fi
}

password() { # FILE
  [ -e "$1" ] || openssl rand -hex 24 >"$1"
}

for service in kafka elasticsearch kibana; do certificate "$service"; done
mkdir -p pulso
password authority/elastic.password
password authority/kibana.password
password pulso/kafka.password
password pulso/elasticsearch.password

# Copy the passwords of others that a service must know into its own folder.
cp pulso/kafka.password kafka/pulso.password
cp authority/elastic.password elasticsearch/elastic.password
cp authority/kibana.password elasticsearch/kibana.password
cp authority/kibana.password kibana/kibana.password
cp authority/elastic.password kibana/elastic.password
cp pulso/elasticsearch.password elasticsearch/pulso.password
for folder in kafka elasticsearch kibana pulso; do
  cp authority/ca.crt "$folder/ca.crt"
done
chmod 600 ./*/*
if [ "$(id -u)" = 0 ]; then
  # The users of the images.
  chown -R 1000:1000 kafka elasticsearch kibana
  chown -R 10001:10001 pulso
fi
