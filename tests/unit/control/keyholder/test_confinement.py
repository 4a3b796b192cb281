"""The keyholder as its systemd unit confines it: few capabilities, no memory that is written and run, users apart."""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from tests.keyholder_node import LIMIT, ME, PASSPHRASE, KeyholderNode

CAPABILITIES = "chown,dac_override,fowner,ipc_lock,kill,setgid,setuid"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
"""linux/prctl.h, since Linux 6.3: what systemd's MemoryDenyWriteExecute does by seccomp; exec keeps it."""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root is confined, or becomes another user")


def refuse_written_code() -> None:
    if ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        os.write(2, b"this kernel has no MDWE\n")


@pytest.fixture
def apart(node: KeyholderNode) -> KeyholderNode:
    """Runs of lab are nobody's, those of prod are daemon's; the daemon is bin."""
    node.settle(environments=[{"name": "lab", "user": "nobody"}, {"name": "prod", "user": "daemon"}])
    node.folder.chmod(0o755)
    return node


def start_confined(node: KeyholderNode) -> KeyholderNode:
    prefix = [
        "setpriv",
        "--no-new-privs",
        "--inh-caps",
        "-all",
        "--bounding-set",
        f"-all,+{',+'.join(CAPABILITIES.split(','))}",
    ]
    return node.start("--daemon-user", "bin", prefix=prefix, preexec_fn=refuse_written_code)


def become(user: str) -> dict[str, object]:
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def list_keys(node: KeyholderNode, agent: str, user: str) -> str:
    env = {"PATH": "/usr/bin:/bin", "SSH_AUTH_SOCK": str(node.places.agent_socket(agent))}
    done = subprocess.run(["ssh-add", "-l"], env=env, capture_output=True, text=True, timeout=LIMIT, **become(user))  # type: ignore[call-overload]
    return str(done.stdout + done.stderr)


def test_it_does_all_that_with_few_capabilities_and_no_written_code(apart: KeyholderNode) -> None:
    start_confined(apart)
    assert "may be swapped" not in apart.log.read_text()
    apart.ask("unlock", passphrase=PASSPHRASE)
    apart.ask("rotate", what="lab/ssh-key", step="begin", passphrase=PASSPHRASE)
    assert apart.ask("encrypt", environment="lab", content=b"x").raw["content"].decode().startswith("$ANSIBLE_VAULT")
    assert apart.process is not None
    status = Path(f"/proc/{apart.process.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(facts["VmLck"].split()[0]) > 0
    assert int(facts["CapEff"], 16).bit_count() == CAPABILITIES.count(",") + 1
    assert facts["NoNewPrivs"] == "1"
    assert Path(f"/proc/{apart.process.pid}/limits").read_text().count("Max core file size        0") == 1
    assert Path(f"/proc/{apart.process.pid}/fd").stat().st_uid == 0
    apart.ask("lock")
    assert apart.wait() == 0
    assert apart.list_agents() == []


def test_an_environments_user_reaches_its_own_agent_and_vault_alone(apart: KeyholderNode) -> None:
    start_confined(apart)
    public = apart.ask("unlock", passphrase=PASSPHRASE).fields["public"]
    assert public["fingerprints"]["ansible-lab"] in list_keys(apart, "lab", "nobody")
    assert public["fingerprints"]["deploy-vault"] in list_keys(apart, "deploy", "bin")
    for agent, user in (("lab", "daemon"), ("prod", "nobody"), ("deploy", "nobody"), ("lab", "bin")):
        assert "SHA256" not in list_keys(apart, agent, user)
    owners = {name: apart.places.vault_socket(name).stat().st_uid for name in ("lab", "prod")}
    assert owners == {"lab": pwd.getpwnam("nobody").pw_uid, "prod": pwd.getpwnam("daemon").pw_uid}
    assert {apart.places.vault_socket(name).stat().st_mode & 0o777 for name in owners} == {0o600}
    assert {Path(f"/proc/{pid}/mem").stat().st_uid for pid in apart.list_agents()} == {
        0
    }  # not even their own users look in


def test_without_locked_memory_it_does_not_start_unless_told(node: KeyholderNode) -> None:
    argv = [
        "setpriv",
        "--bounding-set",
        "-ipc_lock",
        "--inh-caps",
        "-all",
        "prlimit",
        "--memlock=65536",
        sys.executable,
    ]
    argv += ["-m", "homeprod.control.keyholder", "--places", str(node.places_file), "--daemon-user", ME]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot keep memory out of swap" in done.stderr
    assert "CAP_IPC_LOCK" in done.stderr
