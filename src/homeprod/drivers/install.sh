#!/bin/sh
# Installs homeprod on a control node, from the CD that this file is on. Safe to repeat; changes nothing that it did
# not make. What stands in /opt/homeprod is complete, or is made anew.
set -eu
cd "$(dirname "$0")"
id=$(cat id)
home=/opt/homeprod/$id
if [ ! -e "$home/whole" ]; then
    rm -rf "$home"
    mkdir -p /opt/homeprod
    python3 -m venv --without-pip "$home"
    packages=$("$home/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    tar -xzf bundle.tar.gz --no-same-owner -C "$packages"
    touch "$home/whole"
fi
exec "$home/bin/python" -B -m homeprod control install
