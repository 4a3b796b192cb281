"""A play by the real Ansible, through ansible-runner, in a folder of its own."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner

from homeprod.control.runs import units
from homeprod.control.runs.change import ChangeWatch
from homeprod.control.runs.job import Job
from homeprod.control.runs.reporter import Reporter
from homeprod.control.runs.terminal import use_terminal
from homeprod.core.errors import ControlError

COLLECTIONS = Path(__file__).parents[2] / "ansible" / "collections"
"""Where homeprod.site is; a playbook repository may bring its own beside its playbooks."""
_ENDED = {"canceled": "canceled", "timeout": "timeout", "successful": "successful"}


def play(job: Job, folder: Path, send: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The last word of the run. Raises ControlError where it cannot begin."""
    _prepare(job, folder)
    use_terminal()
    reporter = Reporter(send, lambda: _load_secrets(job), ChangeWatch() if job.is_check else None)
    before = _look_at_units(job, folder, "before") if job.is_watched else None
    status, return_code = _run(job, folder, reporter)
    reporter.finish()
    if status == "successful":
        return _judge_units(job, folder, before) or {"status": status, "rc": return_code}
    problem = reporter.vault_problem or reporter.redact(reporter.problem.describe(return_code))
    retry = reporter.problem.may_retry and not reporter.vault_problem
    end = {"status": _ENDED.get(status, "failed"), "rc": return_code, "problem": problem, "retry": retry}
    return {**end, "unreachable": True} if reporter.problem.is_unreachable else end


def _run(job: Job, folder: Path, reporter: Reporter) -> tuple[str, int | None]:
    runner = ansible_runner.run(
        private_data_dir=str(folder),
        project_dir=job.playbooks,
        playbook=job.playbook,
        inventory=list(job.inventories),
        limit=job.host,
        envvars=list_variables(job, folder),
        cmdline=_list_arguments(job),
        event_handler=reporter.handle,
        quiet=True,
        suppress_env_files=True,
        settings={"suppress_output_file": True, "pexpect_timeout": 1},
        ident="run",
        # Absolute, or it would lie among the artifacts and end with them.
        fact_cache=job.fact_cache,
        fact_cache_type="jsonfile",
    )
    return str(runner.status), runner.rc


def _look_at_units(job: Job, folder: Path, when: str) -> frozenset[str] | None:
    return units.list_failing(job, folder, when, list_variables(job, folder), _list_vault_arguments(job))


def _judge_units(job: Job, folder: Path, before: frozenset[str] | None) -> dict[str, Any] | None:
    """A run that leaves units behind which fail is no success; repeating it will not help."""
    if before is None:
        return None
    units.settle()
    problem = units.tell_new(before - frozenset(job.blamed), _look_at_units(job, folder, "after"))
    return {"status": "failed", "problem": problem, "retry": False} if problem else None


def _prepare(job: Job, folder: Path) -> None:
    if job.vault_client and not os.access(job.vault_client, os.X_OK):
        # Ansible would take a file that it cannot run for the password itself.
        hint = "the installation is not whole; put it there again\n    homeprod control upgrade"
        raise ControlError(
            "the program that asks for the vault password cannot be run", where=job.vault_client, hint=hint
        )
    (folder / "known_hosts").write_text("".join(f"{line}\n" for line in job.known_hosts))
    for name in ("cp", "tmp"):
        (folder / name).mkdir()


def _list_arguments(job: Job) -> str | None:
    arguments = shlex.split(_list_vault_arguments(job) or "")
    arguments += ["--check", "--diff"] if job.is_check else []
    arguments += ["--tags", ",".join(job.tags)] if job.tags else []
    return shlex.join(arguments) if arguments else None


def _list_vault_arguments(job: Job) -> str | None:
    """Exactly one vault id: Ansible asks every one that is listed."""
    return shlex.join(["--vault-id", f"{job.environment}@{job.vault_client}"]) if job.vault_client else None


def _load_secrets(job: Job) -> set[str]:
    if not job.vault_client:
        return set()
    # Here, not at the top: it loads the cipher, which need not hold up Ansible's start.
    from homeprod.control.runs.vault import ask_password, read_secrets

    password = ask_password(job.vault_socket, job.nonce).rstrip(b"\r\n")
    return read_secrets(
        [Path(job.playbooks), *(Path(one) for one in job.inventories if Path(one).is_dir())], password
    )


def list_variables(job: Job, folder: Path) -> dict[str, str]:
    """Of Ansible's environment. Nothing secret is among them: ansible-runner writes them to a file of the run's."""
    programs = str(Path(sys.executable).parent)
    return {
        "PATH": f"{programs}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        # What a module needs for a while on the node itself stays in memory, and is gone with the run.
        "TMPDIR": str(folder / "tmp"),
        "SSH_AUTH_SOCK": job.agent_socket,
        "HOMEPROD_VAULT_SOCKET": job.vault_socket,
        "HOMEPROD_VAULT_NONCE": job.nonce,
        "HOMEPROD_AUTHORITY_SOCKET": job.authority_socket,
        # ansible-runner would switch it off.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": shlex.join(list_ssh_arguments(folder)),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_SSH_PIPELINING": "True",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_TIMEOUT": "30",
        "ANSIBLE_GATHERING": "smart",
        "ANSIBLE_CACHE_PLUGIN_TIMEOUT": "86400",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "False",
        # Every module would write what it was given into the machine's journal, secrets too.
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
    }


def list_ssh_arguments(folder: Path) -> list[str]:
    """The pinned keys alone count: no user's or system's known_hosts, no key learned on the way."""
    options = {
        "ControlMaster": "auto",
        "ControlPersist": "60s",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "HostKeyAlgorithms": "ssh-ed25519",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "ForwardAgent": "no",
        "ConnectTimeout": "20",
        "ConnectionAttempts": "3",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
    }
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
