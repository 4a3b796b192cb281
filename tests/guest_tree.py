"""A tree of files written to a mounted data disk in a guest, and all of it that a machine's life may not change.

Both are shell scripts, for root and `sh -eu`.
"""

from __future__ import annotations


def script_writing(folder: str) -> str:
    """A large file deep down, a name with a space, a link; modes and owners that are nobody's default."""
    return f"""
mkdir -p {folder}/deep/er
cd {folder}
head -c 300000 /dev/urandom > deep/er/large
echo words > 'a name'
ln -s deep/er link
chmod 640 'a name'
chown 1234:4321 deep/er/large deep/er
chmod 2750 deep deep/er
"""


def script_listing(folder: str) -> str:
    """The first line is mount point, label and UUID of the file system that the folder is in; then paths with modes,
    owners, sizes and links; then the SHA-256 of each file."""
    return f"""
findmnt -n -o TARGET,LABEL,UUID --target {folder}
cd {folder}
find . -printf '%P %M %U %G %s %l\\n' | sort
find . -type f -exec sha256sum {{}} + | sort
"""
