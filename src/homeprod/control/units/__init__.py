"""The systemd units of a control node, as text: each process may do what it must, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from homeprod.control.settings import EnvironmentSettings

PYTHON = "/opt/homeprod/current/bin/python"
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectControlGroups": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "SystemCallFilter": "@system-service",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
    "LimitCORE": "0",
    "CapabilityBoundingSet": "",
    "KeyringMode": "private",
}
"""Of every service. facts of systemd.exec(5); `systemd-analyze security` says what each is worth."""
COMPILING = {**HARDENED, "UMask": "0022"}
"""What is compiled is for every user to read."""
SECRETIVE = {**HARDENED, "MemorySwapMax": "0"}
"""Of services that hold secrets."""
CONFINED = {
    **SECRETIVE,
    "MemoryDenyWriteExecute": "yes",
    "PrivateNetwork": "yes",
    "RestrictAddressFamilies": "AF_UNIX",
    "LimitMEMLOCK": "infinity",
    "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_IPC_LOCK CAP_KILL CAP_SETGID CAP_SETUID",
}
"""Of the keyholder, which no network reaches. It locks memory, and starts agents as the users whose they are."""


def render_units(environments: Sequence[EnvironmentSettings]) -> dict[str, str]:
    """By file name; of one socket and one template of workers for each environment."""
    units = {
        "homeprod.conf": _PLACES + "".join(_ROOM.format(user=one.user) for one in environments),
        "homeprod-keyholder.service": _KEYHOLDER + _list(CONFINED) + _WANTED,
        "homeprod-control.service": _CONTROL + _list(HARDENED) + _WANTED,
        "homeprod-compile.service": _COMPILE + _list(COMPILING) + _WANTED,
    }
    for one in environments:
        units[f"homeprod-run-{one.name}.socket"] = _SOCKET.format(name=one.name)
        units[f"homeprod-run-{one.name}@.service"] = _RUN.format(name=one.name, user=one.user) + _list(SECRETIVE)
    return units


def list_services(names: Iterable[str]) -> list[str]:
    """What is started with the machine: a template is started by its socket."""
    return [name for name in names if name.endswith((".service", ".socket", ".timer")) and "@" not in name]


def _list(directives: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in directives.items())


_WANTED = """
[Install]
WantedBy=multi-user.target
"""
_PLACES = """\
d /run/homeprod 0711 root root -
d /run/homeprod/vault 0711 root root -
d /run/homeprod/agent 0711 root root -
d /run/homeprod/authority 0711 root root -
"""
"""tmpfiles.d(5)."""
_ROOM = "d /dev/shm/homeprod-run-{user} 0700 {user} {user} -\n"
"""Of an environment's runs, made before any of them: whoever made it first could keep another's runs out."""
_COMPILE = f"""\
[Unit]
Description=homeprod: compile its Python files once, so that programs start sooner
ConditionPathExists=!/opt/homeprod/current/compiled

[Service]
Type=oneshot
ExecStart={PYTHON} -m compileall -q -x (ansible/modules|/tests/) /opt/homeprod/current/lib
ExecStartPost=/usr/bin/touch /opt/homeprod/current/compiled
Nice=19
IOSchedulingClass=idle
ReadWritePaths=/opt/homeprod
"""
_KEYHOLDER = f"""\
[Unit]
Description=homeprod keyholder: holds the control node's secrets while it is Ready
After=local-fs.target
RequiresMountsFor=/var/lib/ansible
# Without the data disk a keyring would be made on the boot disk, and be gone with the machine.
AssertPathIsMountPoint=/var/lib/ansible
# `lock` ends it, as often as a person likes: that is no failure.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={PYTHON} -B -m homeprod.control.keyholder
Restart=always
RestartSec=100ms
TimeoutStopSec=10
KillMode=control-group
# Opening an identity takes memory, in a child: where that is killed for it, the keyholder says so and stays.
OOMPolicy=continue
ReadWritePaths=/run/homeprod /var/lib/ansible
"""
_CONTROL = f"""\
[Unit]
Description=homeprod control node: the doorbell, hosts and runs
Wants=homeprod-keyholder.service network-online.target
After=network-online.target homeprod-keyholder.service
RequiresMountsFor=/var/lib/ansible

[Service]
Type=notify
User=homeprod
Group=homeprod
ExecStart={PYTHON} -B -m homeprod control serve
TimeoutStartSec=300
Restart=always
RestartSec=1
KillMode=control-group
ReadWritePaths=/run/homeprod /var/lib/ansible/ledger /var/cache/homeprod
"""
_SOCKET = """\
[Unit]
Description=homeprod: where runs of the environment {name} begin

[Socket]
ListenStream=/run/homeprod/run-{name}.sock
SocketUser=homeprod
SocketGroup=homeprod
SocketMode=0600
Accept=yes
MaxConnections=64

[Install]
WantedBy=sockets.target
"""
_RUN = f"""\
[Unit]
Description=homeprod: one run of the environment {{name}}
CollectMode=inactive-or-failed

[Service]
User={{user}}
Group={{user}}
ExecStart={PYTHON} -B -m homeprod.control.runs.worker
# A worker that is killed leaves its files, in memory and in the clear.
ExecStopPost=/bin/sh -c '[ "$$SERVICE_RESULT" = success ] || exec {PYTHON} -B -m homeprod.control.runs.workplace'
StandardInput=socket
StandardOutput=journal
StandardError=journal
KillMode=control-group
Environment=HOME=/tmp
ReadWritePaths=/var/cache/homeprod/facts/{{name}}
"""
