"""`make soak`: the long proofs, whole, in parts of an hour at most.

A part that passed at this commit is not run again, so a run that was cut off goes on where it was; single parts are
named as arguments. The results go to docs/soak.md with the commit and the machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".soak"
PAGE = ROOT / "docs" / "soak.md"
LIMIT = 60 * 60
HEADING = """# The long proofs

`make soak` runs them, in parts of an hour at most; a part that passed is not run again at the same commit.

| part | what it proves | result | seconds | commit | machine |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Part:
    """``arguments`` are pytest's; ``env`` says how much."""

    name: str
    proves: str
    arguments: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


def _draw(number: int) -> Part:
    return Part(
        f"sites-{number}",
        "a plan after an apply is empty and only what differs is touched: 100 pairs of generated sites, one after the"
        " other, on the `--no-boot` lab",
        ("tests/system/test_generated_sites.py", f"--hypothesis-seed={number}"),
        {"HOMEPROD_SITES": "100", "HYPOTHESIS_PROFILE": "search"},
    )


PEGASUS_FAULTS = (
    ("the answer lost, the call late", "(cut or time-out)"),
    ("killed", "kill"),
    ("refused, the node lost, the ticket withdrawn", "not (cut or time-out or kill)"),
)
PARTS = (
    *(_draw(number) for number in range(1, 6)),
    Part(
        "faults",
        "every kind of fault at every call of an apply that makes, replaces or cold starts a machine (`--no-boot`):"
        " the next apply converges",
        ("-n", "2", "-k", "not pegasus", "tests/system/test_fault_sweep.py", "tests/system/test_coldstart_sweep.py"),
        {"HOMEPROD_SWEEP_STEP": "1"},
    ),
    *(
        Part(
            f"faults-pegasus-{number}",
            f"the same for all of pegasus: {what}",
            ("-n", "2", "-k", f"pegasus and {kinds}", "tests/system/test_fault_sweep.py"),
        )
        for number, (what, kinds) in enumerate(PEGASUS_FAULTS, start=1)
    ),
    Part(
        "replacements",
        "a machine replaced 100 times: its 64 MiB data disk is the same volume with the same SHA-256",
        ("tests/system/test_replacement.py",),
        {"HOMEPROD_REPLACEMENTS": "100"},
    ),
    Part(
        "cluster",
        "100 states of three nodes and two endpoints, drawn: nothing that cannot be asked is doubled or touched",
        ("tests/system/test_cluster_states.py",),
        {"HOMEPROD_CLUSTER_STATES": "100"},
    ),
    Part("interruption", "applies cut off at every kind of call", ("tests/system/test_interruption.py",)),
    Part(
        "booted-replacements",
        "a booted machine replaced 3 times: same volume, file system UUID and files",
        ("-m", "guest and soak", "tests/system/test_guest_replacement.py"),
    ),
    Part(
        "one-apply",
        "two applies at one instant, 20 × as processes, 200 × in one, never interleave; killed, broken, asleep",
        ("tests/system/test_race.py", "tests/system/test_one_apply.py"),
        {"HOMEPROD_RACES": "20", "HOMEPROD_QUICK_RACES": "200"},
    ),
    Part(
        "control-kills",
        "the daemon killed at 1,000 random moments under rings with short runs, at 20 with real Ansible: no ring is"
        " lost, none is run twice as another, no row stays running, no child is left",
        ("--timeout", "3500", "tests/system/test_control_kill.py"),
        {"HOMEPROD_KILLS": "1000", "HOMEPROD_ANSIBLE_KILLS": "20"},
    ),
    Part(
        "door",
        "100,000 rings that are wrong in some way at a control node's door: nothing is accepted that must not be",
        ("--timeout", "3500", "tests/unit/web/test_fuzz.py"),
        {"HOMEPROD_FUZZ": "100000"},
    ),
    Part(
        "keyring",
        "every file operation of every change of the keyring refused, and the power cut at it; sequences of changes",
        ("-n", "2", "--timeout", "3500", "tests/unit/control/keyring"),
        {"HOMEPROD_KEYRING_STRIDE": "1", "HOMEPROD_KEYRING_SEQUENCES": "100", "HYPOTHESIS_PROFILE": "search"},
    ),
    Part(
        "keyholder",
        "the keyholder killed at 200 random moments; 20,000 messages that are none at its doors",
        ("-n", "2", "--timeout", "3500", "tests/unit/control/keyholder"),
        {"HOMEPROD_KEYHOLDER_KILLS": "200", "HOMEPROD_KEYHOLDER_FUZZ": "20000"},
    ),
    Part(
        "roles",
        "the roles of homeprod.site on a booted machine, by plain ansible-playbook: the second run changes nothing",
        ("-m", "guest and soak", "tests/system/test_roles.py"),
    ),
    Part(
        "entry-roles",
        "the entry's roles on a booted machine, by plain ansible-playbook: the second run changes nothing, and what"
        " serves worse does not stay",
        ("-m", "guest and soak", "tests/system/test_entry_roles.py"),
    ),
    Part(
        "app-host",
        "a kept host killed at more of its steps, each repaired by the next run; the role app_host in check mode",
        ("-m", "soak", "tests/unit/app_host"),
    ),
    Part(
        "app-host-booted",
        "a booted machine becomes an app host: published, confined, a commit, a lost image, an unsigned head",
        ("-m", "guest and soak", "tests/system/test_app_host_booted.py"),
    ),
    Part(
        "drift",
        "twenty kinds of change by hand on a booted machine: seen in one check, put right by one run, and nothing"
        " reported in twenty cycles without a change",
        ("-m", "guest and soak", "tests/system/test_drift_kinds.py"),
    ),
    Part(
        "affected",
        "200 changes of a playbook repository: a host that the real ansible-playbook would change is always listed",
        ("-m", "soak", "tests/unit/promotion/test_truth.py"),
    ),
    Part(
        "promotion",
        "a promotion while the node is Locked, a roll-out that stops at a host and goes on, a commit of the vault,"
        " four kinds of bad change that leave production's files and containers as they are: by the real node, the"
        " real Ansible, nginx and dockerd",
        ("-m", "soak", "tests/system/test_promotion.py", "tests/system/test_production_untouched.py"),
    ),
    Part(
        "control-booted",
        "`make demo` whole, then every secret of the control node searched for: in memory while Ready and while"
        " Locked, in its files, on raw disks, CDs and in the lab's folder",
        ("-m", "guest and soak", "tests/system/test_control_booted.py"),
    ),
    Part(
        "rehearsal",
        "two machines of pegasus rehearsed on booted stand-ins, one green and one red, and all of it gone afterwards;"
        " a rehearsal that is killed is taken away by the next",
        ("-m", "guest and soak", "-k", "not whole", "tests/system/test_rehearse_booted.py"),
    ),
    Part(
        "rehearsal-whole",
        "pegasus' own playbook, whole, rehearsed on booted stand-ins of its two machines of the way in: green, and"
        " one word more foreseen by check mode",
        ("-m", "guest and soak", "-k", "whole", "tests/system/test_rehearse_booted.py"),
    ),
    Part(
        "drill",
        "a drill of two machines killed at every one of its calls (`--no-boot`): the same command goes on, none is"
        " destroyed twice, the data disks are the same",
        ("-k", "killed", "tests/system/test_drill.py"),
        {"HOMEPROD_DRILL_STEP": "1"},
    ),
    Part(
        "drill-booted",
        "`make demo` whole, then all of pegasus destroyed but for its data disks and made again: it serves, and"
        " those hold the same file systems and files",
        ("-m", "guest and soak", "tests/system/test_drill_booted.py"),
    ),
    Part(
        "entry",
        "100,000 generated TLS hellos, and hellos cut at every byte, go where the table says; 50,000 requests and"
        " held websockets over 50 changes of the table: no request fails, no websocket is cut before its time",
        ("-n", "2", "--timeout", "3500", "tests/unit/network/test_hello.py", "tests/unit/network/test_reload.py"),
        {
            "HOMEPROD_HELLOS": "100000",
            "HOMEPROD_HELLO_STEP": "1",
            "HOMEPROD_REQUESTS": "50000",
            "HOMEPROD_CHANGES": "50",
        },
    ),
    Part(
        "booted",
        "every test that boots machines",
        ("-n", "2", "--dist", "loadfile", "-m", "guest and not soak", "tests"),
    ),
)


def main(names: list[str]) -> int:
    """``names`` of parts; none: all of them."""
    parts = [part for part in PARTS if not names or part.name in names]
    if unknown := set(names) - {part.name for part in parts}:
        sys.stderr.write(f"soak: no such part: {', '.join(sorted(unknown))}\n")
        return 64
    commit = _ask("git", "rev-parse", "--short=12", "HEAD")
    if _ask("git", "status", "--porcelain"):
        sys.stderr.write("soak: commit first: a result belongs to a commit\n")
        return 64
    failed = [part.name for part in parts if not _run(part, commit)]
    _write_page()
    sys.stdout.write(f"soak: {len(parts) - len(failed)} passed, {len(failed)} failed {failed or ''}\n")
    return 1 if failed else 0


def _run(part: Part, commit: str) -> bool:
    record = STATE / commit / f"{part.name}.json"
    if record.exists() and json.loads(record.read_text())["passed"]:
        sys.stdout.write(f"soak: {part.name} passed already\n")
        return True
    sys.stdout.write(f"soak: {part.name}: {part.proves}\n")
    sys.stdout.flush()
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *part.arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **part.env}, timeout=LIMIT, check=False)
        passed = done.returncode == 0
    except subprocess.TimeoutExpired:
        passed = False
    result = {"part": part.name, "proves": part.proves, "passed": passed, "seconds": round(time.monotonic() - began)}
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({**result, "commit": commit, "machine": _describe_machine()}) + "\n")
    return passed


def _write_page() -> None:
    """The newest result of each part; of one that was not run here, what the page says."""
    records = [
        json.loads(file.read_text()) for file in sorted(STATE.glob("*/*.json"), key=lambda f: f.stat().st_mtime)
    ]
    rows = {name: line for line in PAGE.read_text().splitlines() if (name := line.split(" | ")[0].removeprefix("| "))}
    for record in records:
        result = "passed" if record["passed"] else "FAILED"
        cells = (record["part"], record["proves"], result, record["seconds"], record["commit"], record["machine"])
        rows[record["part"]] = f"| {' | '.join(str(cell) for cell in cells)} |"
    PAGE.write_text(HEADING + "".join(f"{rows[part.name]}\n" for part in PARTS if part.name in rows))


def _describe_machine() -> str:
    from homeprod.lab.guest.acceleration import find_acceleration

    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {find_acceleration().kind}"


def _ask(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
