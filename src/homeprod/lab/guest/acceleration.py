"""How fast machines can run here: by the processor's own virtualisation, or emulated in software."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

QEMU = "qemu-system-x86_64"
_KVM = Path("/dev/kvm")
_PROBE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Acceleration:
    """``kind`` is ``kvm`` or ``tcg`` (QEMU's names), ``reason`` says in a person's words why."""

    kind: str
    reason: str

    @property
    def is_fast(self) -> bool:
        return self.kind == "kvm"

    @property
    def arguments(self) -> tuple[str, ...]:
        """For QEMU. A small translation buffer keeps many emulated machines in little memory; a plain CPU model
        keeps guests from vector instructions that cost more to emulate than they save."""
        if self.is_fast:
            return ("-accel", "kvm", "-cpu", "host")
        return ("-accel", "tcg,thread=multi,tb-size=128", "-cpu", "qemu64,-svm")


@functools.cache
def find_acceleration() -> Acceleration:
    """/dev/kvm alone is not trusted: on some machines it is there and QEMU aborts all the same. The processor's
    flags vmx (Intel) or svm (AMD) come first, then a probe."""
    flags = _read_flags(Path("/proc/cpuinfo").read_text())
    if not flags & {"vmx", "svm"}:
        return Acceleration("tcg", "software emulation: the processor shows neither vmx nor svm")
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return Acceleration("tcg", f"software emulation: no access to {_KVM}")
    failure = _probe()
    if failure:
        return Acceleration("tcg", f"software emulation: KVM does not work here ({failure})")
    return Acceleration("kvm", "KVM")


def _read_flags(cpuinfo: str) -> frozenset[str]:
    lines = (line for line in cpuinfo.splitlines() if line.startswith("flags"))
    return frozenset(next(lines, "").partition(":")[2].split())


def _probe() -> str:
    """Why a machine cannot run under KVM; empty when it can."""
    script = '{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n'
    argv = [QEMU, "-accel", "kvm", "-cpu", "host", "-nodefaults", "-display", "none", "-qmp", "stdio"]
    try:
        done = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "no answer"
    except FileNotFoundError:
        return f"{QEMU} is not installed"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it failed"])[-1]
