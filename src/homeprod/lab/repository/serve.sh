#!/bin/sh
# serve.sh FOLDER REPOSITORY...: all that a deploy key may do (sshd's forced command). What was asked for is compared as
# a whole, and nothing in it is ever interpreted.
set -eu
folder=$1
shift
for name; do
    case ${SSH_ORIGINAL_COMMAND-} in
    "git-upload-pack '/$name.git'" | "git-upload-pack '/$name'" | \
        "git-upload-pack '$name.git'" | "git-upload-pack '$name'")
        exec git upload-pack --strict "$folder/$name.git"
        ;;
    esac
done
case ${SSH_ORIGINAL_COMMAND-} in
git-receive-pack*) echo "a deploy key reads, and pushes nothing" >&2 ;;
*) echo "this deploy key may not do that; it reads: $*" >&2 ;;
esac
exit 1
