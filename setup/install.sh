#!/bin/sh
# Everything a fresh Debian needs to run homeprod and its lab: missing apt packages (said before they are
# installed, with the reason) and the Python environment in .venv. Safe to repeat; a second run does nothing.
# `install.sh bench` installs what only the benchmarks need, too.
set -eu
cd "$(dirname "$0")/.."
lists=setup/apt.txt
[ "${1:-}" != bench ] || lists="$lists setup/bench-apt.txt"

missing() {
    # shellcheck disable=SC2086  # one word a list is meant
    grep -h -v -e '^#' -e '^$' $lists | while read -r package why; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s %s\n' "$package" "$why"
    done
}

# NAME UNIT…
keep_off() {
    name=$1; shift
    echo "setup: the machine's own $name stays off; to have it: systemctl unmask $*"
    for unit; do
        [ ! -d /etc/systemd/system ] || [ -e "/etc/systemd/system/$unit" ] || $root ln -s /dev/null "/etc/systemd/system/$unit"
    done
}

# Another apt, as the one that runs by itself every day, is waited for: it holds a lock that apt gives up on at once.
refresh_lists() {
    for try in 1 2 3 4 5; do
        $root apt-get update -qq && return 0
        [ "$try" = 5 ] || { echo "setup: apt cannot be asked now; once more in 15 seconds ($try of 4)" >&2; sleep 15; }
    done
    return 1
}

install_packages() {
    list=$(missing)
    [ -n "$list" ] || return 0
    echo "setup: installing from apt what is missing:"
    printf '%s\n' "$list" | while read -r package why; do printf '  %-24s %s\n' "$package" "$why"; done
    root=''
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "setup: not root and no sudo; install the packages above as root, then repeat" >&2; exit 1; }
        root=sudo
    fi
    # The lab runs an sshd of its own, and tests an nginx and name servers. Who had none so far gets no open port by
    # installing its package: the unit is masked, and RUNLEVEL=1 tells the same to a machine without systemd.
    case "$list" in *openssh-server*) keep_off "sshd" ssh.service ssh.socket ;; esac
    case "$list" in *nginx*) keep_off "nginx" nginx.service ;; esac
    case "$list" in *unbound*) keep_off "unbound" unbound.service ;; esac
    case "$list" in *knot*) keep_off "knot" knot.service ;; esac
    export DEBIAN_FRONTEND=noninteractive
    refresh_lists
    # shellcheck disable=SC2046  # one word a package is meant
    $root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 \
        $(printf '%s\n' "$list" | cut -d' ' -f1) >/dev/null
}

install_python() {
    stamp=.venv/.requirements
    if [ -x .venv/bin/homeprod ] && cmp -s setup/requirements.txt "$stamp" && cmp -s pyproject.toml .venv/.pyproject; then return 0; fi
    echo "setup: making the Python environment in .venv"
    # Debian's own Python, so the environment does not depend on what else is on PATH.
    python=/usr/bin/python3; [ -x "$python" ] || python=python3
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r setup/requirements.txt
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    cp setup/requirements.txt "$stamp"
    cp pyproject.toml .venv/.pyproject
}

# The scanner that the tests run: beside the rest, since it wants older versions of what homeprod has.
install_scanner() {
    wanted=setup/sslyze-requirements.txt; stamp=.venv-sslyze/.requirements
    if cmp -s "$wanted" "$stamp"; then return 0; fi
    echo "setup: making sslyze's own Python environment in .venv-sslyze"
    rm -rf .venv-sslyze
    .venv/bin/python -m venv .venv-sslyze
    # It comes as source alone. What builds it is pinned as the rest is, and there before it.
    sed -n '/^setuptools==/,/[^\\]$/p' "$wanted" >.venv-sslyze/build.txt
    for file in .venv-sslyze/build.txt "$wanted"; do
        .venv-sslyze/bin/python -m pip install -q --disable-pip-version-check --no-build-isolation --require-hashes -r "$file"
    done
    cp "$wanted" "$stamp"
}

install_packages
install_python
install_scanner
