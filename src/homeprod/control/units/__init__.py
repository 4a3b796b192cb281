"""The systemd units of a control node, as text."""

from __future__ import annotations

from collections.abc import Sequence

PYTHON = "/opt/homeprod/current/bin/python"
_HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
SystemCallArchitectures=native
UMask=0077
LimitCORE=0
"""


def render_units(environments: Sequence[str]) -> dict[str, str]:
    """By file name; of one socket and one template of workers for each environment."""
    units = {
        "homeprod.conf": _PLACES,
        "homeprod-keyholder.service": _KEYHOLDER,
        "homeprod-control.service": _CONTROL,
        "homeprod-compile.service": _COMPILE,
    }
    for name in environments:
        units[f"homeprod-run-{name}.socket"] = _SOCKET.format(name=name)
        units[f"homeprod-run-{name}@.service"] = _RUN.format(name=name)
    return units


_PLACES = """\
d /run/homeprod 0755 root root -
d /run/homeprod/vault 0755 root root -
d /run/homeprod/agent 0755 root root -
"""
"""tmpfiles.d(5)."""
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
CapabilityBoundingSet=
{_HARDENED}
[Install]
WantedBy=multi-user.target
"""
_KEYHOLDER = f"""\
[Unit]
Description=homeprod keyholder: holds the control node's secrets while it is Ready
After=local-fs.target
RequiresMountsFor=/var/lib/ansible

[Service]
Type=notify
ExecStart={PYTHON} -B -m homeprod.control.keyholder
Restart=always
RestartSec=100ms
KillMode=control-group
MemorySwapMax=0
LimitMEMLOCK=infinity
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_IPC_LOCK CAP_KILL
ReadWritePaths=/run/homeprod /var/lib/ansible
{_HARDENED}
[Install]
WantedBy=multi-user.target
"""
_CONTROL = f"""\
[Unit]
Description=homeprod control node: the doorbell, hosts and runs
Wants=homeprod-keyholder.service
After=network-online.target homeprod-keyholder.service
RequiresMountsFor=/var/lib/ansible

[Service]
User=homeprod
Group=homeprod
ExecStart={PYTHON} -B -m homeprod control serve
Restart=always
RestartSec=1
KillMode=control-group
CapabilityBoundingSet=
ReadWritePaths=/run/homeprod /var/lib/ansible/ledger /var/cache/homeprod
{_HARDENED}
[Install]
WantedBy=multi-user.target
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
User=homeprod-{{name}}
Group=homeprod-{{name}}
ExecStart={PYTHON} -B -m homeprod.control.runs.worker
StandardInput=socket
StandardOutput=journal
StandardError=journal
KillMode=control-group
Environment=HOME=/tmp
MemorySwapMax=0
CapabilityBoundingSet=
ReadWritePaths=/var/cache/homeprod/facts/homeprod-{{name}}
{_HARDENED}"""
