# keys.sh PERSON KEY...: the person's authorized_keys has these keys and no others; none takes the file away.
# Run as that person, never as root: all of it lies where they may put links, and root would follow those anywhere.
set -eu
umask 077
home=$(getent passwd "$1" | cut -d : -f 6)
shift
folder=$home/.ssh file=$home/.ssh/authorized_keys

[ -w "$home" ] || chmod u+wx "$home"
if [ -L "$folder" ] || [ ! -d "$folder" ]; then rm -f "$folder"; fi
if [ "$#" -gt 0 ]; then mkdir -p "$folder"; fi
[ ! -d "$folder" ] || chmod 700 "$folder"
if [ -d "$file" ] && [ ! -L "$file" ]; then rm -rf "$file"; fi

if [ "$#" -eq 0 ]; then
    rm -f "$file"
else
    rm -rf "$file.half"
    printf '%s\n' "$@" >"$file.half"
    mv -fT "$file.half" "$file"
fi
