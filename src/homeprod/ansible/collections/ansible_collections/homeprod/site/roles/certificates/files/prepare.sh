# Usage: prepare.sh yes|no FOLDER LABEL NAME…
# A key, a request for these names and a placeholder, each where it is missing; with yes only looks. Tells what it made,
# then the request and the certificate that is there. The key is never printed.
set -eu
only_looks=$1 folder=$2/$3
shift 3
umask 077

tell() { echo "made: $1"; }
names=$(printf 'DNS:%s\n' "$@" | sort | paste -sd,)
draft=$folder/.draft
trap 'rm -f "$draft"' EXIT

# As it stands in a request or a certificate.
list_names() {
    openssl req -in "$1" -noout -text 2>/dev/null | grep -A1 'Subject Alternative Name' | tail -n1 | tr -d ' ' | tr , '\n' | sort | paste -sd,
}

fits() {
    [ "$(openssl pkey -in "$folder/key.pem" -pubout 2>/dev/null)" = "$(openssl "$1" -in "$2" -noout -pubkey 2>/dev/null)" ]
}

if [ ! -s "$folder/key.pem" ]; then
    tell key
    if [ "$only_looks" = no ]; then
        mkdir -p -m 0755 "$folder"
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$draft" 2>/dev/null
        sync "$draft"
        mv "$draft" "$folder/key.pem"
    fi
fi
if [ ! -s "$folder/request.pem" ] || [ "$(list_names "$folder/request.pem")" != "$names" ] || ! fits req "$folder/request.pem"; then
    tell request
    if [ "$only_looks" = no ]; then
        openssl req -new -key "$folder/key.pem" -subj / -addext "subjectAltName=$names" -out "$draft"
        chmod 0644 "$draft"
        mv "$draft" "$folder/request.pem"
    fi
fi
# A certificate of another key keeps a web server from starting; an expired one does not.
if [ ! -s "$folder/chain.pem" ] || ! fits x509 "$folder/chain.pem"; then
    tell placeholder
    if [ "$only_looks" = no ]; then
        openssl req -x509 -key "$folder/key.pem" -subj "/CN=placeholder of homeprod" -addext "subjectAltName=$names" -days 1 -out "$draft"
        chmod 0644 "$draft"
        mv "$draft" "$folder/chain.pem"
    fi
fi
for file in request chain; do
    [ ! -e "$folder/$file.pem" ] || cat "$folder/$file.pem"
done
