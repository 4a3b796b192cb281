#!/bin/sh
# Ring at a homeprod control node with openssl 3 and curl alone: a machine is there, configure it.
#
#   contrib/ring.sh URL CERTIFICATE HOST INSTANCE [HOST_KEY_FILE]
#
# URL is https://ADDRESS:9000; CERTIFICATE is the node's own, pinned: no other is believed. HOST is the machine's name
# in the inventory; INSTANCE changes when the machine is made again. HOST_KEY_FILE is its ssh_host_ed25519_key.pub.
# RING_KEY names your private ed25519 key in PEM form (PKCS#8), 0600: `openssl genpkey -algorithm ed25519`.
# Exits 0 when the ring was accepted (the answer names the run), 3 where the host waits for a person (the node is New
# or Locked, or the host's key is held), 1 otherwise. Safe to run again: see docs/how-to/ring-from-anything.md.
set -eu

[ $# -ge 4 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 64; }
url=$1 certificate=$2 host=$3 instance=$4 keys=
fail() { echo "ring: $1" >&2; exit 64; }
if [ -n "${5:-}" ]; then
  [ -r "$5" ] || fail "cannot read $5"
  keys=$(sed -n 's/^\(ssh-ed25519 [A-Za-z0-9+\/=]*\).*/"\1"/p' "$5")
  [ -n "$keys" ] || fail "no ed25519 public key in $5"
fi
case $host$instance in *[!A-Za-z0-9._-]*) fail "not a host's name and instance" ;; esac
[ -r "${RING_KEY:-}" ] || fail "cannot read RING_KEY=${RING_KEY:-}, which names your private ed25519 key"
openssl pkey -in "$RING_KEY" -noout -text 2> /dev/null | grep -qi '^ed25519 private-key' ||
  fail "$RING_KEY is no private ed25519 key in PEM form: openssl genpkey -algorithm ed25519"
openssl x509 -in "$certificate" -noout 2> /dev/null || fail "no certificate in $certificate"

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
printf '{"host":"%s","instance":"%s","ssh_host_keys":[%s]}' "$host" "$instance" "$keys" > "$work/body"
id=msg_$(openssl rand -hex 16) # the same for every attempt: the node counts it as one ring

# curl wants a name: the certificate's own, at the address of the URL.
name=$(openssl x509 -in "$certificate" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')
address=${url#https://} address=${address%/}
left=${RING_ATTEMPTS:-5}
while :; do
  time=$(date +%s)
  : > "$work/answer"
  { printf '%s.%s.' "$id" "$time"; cat "$work/body"; } > "$work/content"
  openssl pkeyutl -sign -rawin -inkey "$RING_KEY" -in "$work/content" -out "$work/signature"
  signature=$(openssl base64 -A -in "$work/signature")
  code=$(curl --silent --show-error --noproxy "*" --max-time 30 --output "$work/answer" --dump-header "$work/head" \
    --write-out '%{http_code}' --cacert "$certificate" --connect-to "::$address" \
    --header 'Content-Type: application/json' --header "webhook-id: $id" --header "webhook-timestamp: $time" \
    --header "webhook-signature: v1a,$signature" --data-binary "@$work/body" \
    "https://$name/hooks/provision" 2> "$work/said") || code=000
  [ ! -s "$work/answer" ] || { cat "$work/answer"; echo; }
  case $code in 202) exit 0 ;; 000 | 429 | 503) ;; *) break ;; esac
  grep -Eq '"error":"(new|locked)"' "$work/answer" && break
  left=$((left - 1))
  [ "$left" -gt 0 ] || break
  wait=$(sed -n 's/^[Rr]etry-[Aa]fter: \([0-9]\{1,3\}\).*/\1/p' "$work/head" 2> /dev/null)
  sleep "${wait:-2}"
done
[ "$code" != 000 ] || { cat "$work/said" >&2; code="nothing: nobody there, or with another certificate"; }
echo "ring: $host is not configured yet: the control node answered $code" >&2
grep -Eq '"error":"(new|locked|held)"' "$work/answer" && exit 3
exit 1
