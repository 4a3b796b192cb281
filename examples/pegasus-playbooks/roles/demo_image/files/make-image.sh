# make-image.sh NAME: an image with this machine's busybox and a link for each of its commands.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/tmp"
cp /bin/busybox "$folder/bin/busybox"
for command in $(/bin/busybox --list); do
    if [ "$command" != busybox ]; then ln -s busybox "$folder/bin/$command"; fi
done
tar -C "$folder" -c . | docker import --change 'ENV PATH=/bin' - "$1"
