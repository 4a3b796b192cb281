# look.sh SETTINGS PERSISTENT: all that the role wants to know of the control node, as YAML, asked at once.
set -eu
export LC_ALL=C
settings=$1 persistent=$2

is() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }

# open_to MODE PATH...: those that are there with any of the rights.
open_to() {
    rights=$1
    shift
    for path; do
        if [ -e "$path" ]; then find "$path" -maxdepth 0 -perm "/$rights" -printf "  - '%p'\n"; fi
    done
}

echo "mounted: $(is mountpoint -q "$persistent")"
echo "swaps: $(is test "$(wc -l </proc/swaps)" -gt 1)"
echo private:
open_to 027 "$settings/tls/key.pem" "$persistent/keyring" "$persistent/ledger"
echo folders:
open_to 022 "$settings" "$settings/tls" "$persistent"
echo idle:
for file in /etc/systemd/system/homeprod*; do
    unit=${file##*/}
    case $unit in
    *@*) ;; # instances, started for each run
    *.service | *.socket | *.timer) systemctl -q is-enabled "$unit" >/dev/null 2>&1 || echo "  - '$unit'" ;;
    esac
done
echo "updates: '$(sha256sum /etc/apt/apt.conf.d/90homeprod-control-node 2>/dev/null | cut -d ' ' -f 1)'"
