# Usage: served.sh PORT NAME
# The serial of the certificate that this machine shows for the name, in hexadecimal.
set -eu
openssl s_client -connect "127.0.0.1:$1" -servername "$2" </dev/null 2>/dev/null | openssl x509 -noout -serial | cut -d= -f2
