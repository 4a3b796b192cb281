"""An upgrade from what an earlier build wrote, and no way back: whatever breaks, it is the old or the new.

The ledger and the keyring in tests/cases/upgrade are what commits of this repository wrote (see its README).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.control.hosts.test_full_disk import FailingConnection
from tests.unit.control.hosts.test_ledger import RING, claim, finish, keep
from tests.unit.control.runs.node import SETTINGS

from homeprod import __version__
from homeprod.cli.main import main
from homeprod.control import upgrade
from homeprod.control.hosts import schema
from homeprod.control.hosts.errors import ConflictingIdError, StorageError
from homeprod.control.hosts.host import HostState, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.keyring import content
from homeprod.control.keyring.errors import DamagedKeyringError, NewerKeyringError
from homeprod.control.keyring.hidden import Hidden
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.places import Places
from homeprod.core.errors import ControlError

CASES = Path(__file__).parents[2] / "cases" / "upgrade"
LATER = (
    *schema.MIGRATIONS,
    ("ALTER TABLE hosts ADD COLUMN note TEXT NOT NULL DEFAULT ''", "UPDATE hosts SET note = problem"),
    (
        "CREATE TABLE ends (run INTEGER PRIMARY KEY, status TEXT NOT NULL)",
        "INSERT INTO ends SELECT id, status FROM runs",
        "DROP INDEX runs_host",
    ),
)
"""As two later versions may have them: tables changed, rows moved, something removed."""
SEAN, ANNA = b"oyster lantern velvet quarry mimosa", b"granite window teapot marble ocean"
PAPER = "AGE-SECRET-KEY-1D4F9EYC9NFTWVZF7A6UL6MG7265S5CK2F7C7HR28VZCZSEXKRTWS7GRZYJ"


def make_old(folder: Path) -> Path:
    """The ledger of the first format."""
    file = folder / "control.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((CASES / "ledger-1.sql").read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    return file


def dump(file: Path) -> str:
    """All that is in it, with its version."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        return "\n".join([*connection.iterdump(), str(version)])


# The ledger


def test_the_ledger_of_the_first_build_is_gone_on_with(tmp_path: Path) -> None:
    make_old(tmp_path)

    async def story(ledger: Ledger) -> None:
        assert await ledger.recover("me", 900) == 1
        runs = {run.id: run for run in await ledger.runs()}
        assert [(number, runs[number].status) for number in sorted(runs)] == [
            (1, RunStatus.SUCCESSFUL),
            (2, RunStatus.FAILED),
            (3, RunStatus.QUEUED),
        ]
        assert [event.data for event in await ledger.events(1)] == [
            '{"event": {"kind": "start"}}',
            '{"stats": {"ok": 1}}',
        ]
        hosts = {host.name: host for host in await ledger.hosts()}
        assert {name: host.state for name, host in hosts.items()} == {
            "lab-proxy": HostState.IDLE,
            "lab-coder": HostState.FAILED,
            "lab-git": HostState.DUE,
            "lab-media": HostState.IDLE,
        }
        assert (hosts["lab-proxy"].applied_revision, hosts["lab-proxy"].applied_instance) == ("r1", "i1")
        assert hosts["lab-coder"].held_keys == ("ssh-ed25519 BBBB",)
        assert (hosts["lab-media"].wanted_instance, hosts["lab-media"].applied_instance) == ("i1", "")
        known = replace(RING, id="msg_0000000000000001", instance="i1")
        assert (await ledger.ring(known)).run_id == 1
        with pytest.raises(ConflictingIdError):
            await ledger.ring(replace(known, digest_of_body="another"))
        turn = await claim(ledger)
        assert (turn.run.id, turn.host.name) == (3, "lab-git")
        assert await finish(ledger, turn)
        assert (await ledger.ring(RING)).run_id == 4
        assert await ledger.want_current("unlock") > 0

    keep(tmp_path, story)


def test_every_step_is_taken_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_old(tmp_path)
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)

    async def look(ledger: Ledger) -> None:
        assert {host.name: host.problem for host in await ledger.hosts()}["lab-coder"] == "no route"
        assert (await ledger.ring(RING)).is_new

    keep(tmp_path, look)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(LATER),)
        assert connection.execute("SELECT note FROM hosts WHERE name = 'lab-coder'").fetchone() == ("no route",)
        assert connection.execute("SELECT * FROM ends ORDER BY run").fetchall() == [
            (1, "successful"),
            (2, "failed"),
            (3, "running"),
        ]
    before = dump(file)
    schema.refuse_newer(file)
    with closing(schema.connect(file)) as connection:
        schema.migrate(connection, str(file))
    assert dump(file) == before


def test_a_step_that_fails_leaves_the_old_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_old(tmp_path)
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    before, count, refused = dump(file), 0, ["at the beginning"]
    while refused:
        count, refused = count + 1, []
        with closing(schema.connect(file)) as real:
            failing = FailingConnection(real)
            failing.fails_at = count
            try:
                schema.migrate(failing, str(file))  # type: ignore[arg-type]
            except StorageError as error:
                refused = [str(error)]
        if refused:
            assert f"{file}: the control node cannot use its ledger: database or disk is full" in refused[0]
            assert dump(file) == before, f"after a failure at statement {count}"
    assert count > 8, "every statement failed once"
    assert dump(file).endswith(f"\n{len(LATER)}")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.control.hosts.test_full_disk import FailingConnection
from tests.unit.control.test_upgrade import LATER
from homeprod.control.hosts import schema

class Killing(FailingConnection):
    def _count(self):
        self.calls += 1
        if self.calls == self.fails_at:
            os.kill(os.getpid(), signal.SIGKILL)

schema.MIGRATIONS = LATER
killing = Killing(schema.connect(Path(sys.argv[1])))
killing.fails_at = int(sys.argv[2])
schema.migrate(killing, sys.argv[1])
os.kill(os.getpid(), signal.SIGKILL)  # after all, before it is closed
"""


@pytest.mark.slow
def test_a_kill_amid_the_steps_leaves_the_old_ledger_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").mkdir()
    old, new = dump(make_old(tmp_path)), make_old(tmp_path / "new")
    with monkeypatch.context() as later, closing(schema.connect(new)) as connection:
        later.setattr(schema, "MIGRATIONS", LATER)
        schema.migrate(connection, str(new))
    seen = []
    for count in range(1, sum(len(statements) for statements in LATER[1:]) + 6):
        file = make_old(_make(tmp_path / str(count)))
        argv = [sys.executable, "-c", KILLED, str(file), str(count)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": _path()})
        assert done.returncode == -9, done.stderr
        found = dump(file)
        assert found in (old, dump(new)), f"killed at statement {count}"
        seen.append(found == old)
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {True, False}


def test_a_ledger_from_before_the_gate_knows_its_hosts_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "control.db"
    with monkeypatch.context() as patch, closing(schema.connect(file)) as connection:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        schema.migrate(connection, str(file))
        connection.execute(
            "INSERT INTO hosts (name, environment, applied_revision, applied_instance, wanted_instance)"
            " VALUES ('prod-proxy', 'prod', 'r1', 'i1', 'i1')"
        )
        connection.execute(
            "INSERT INTO runs (host, environment, status, created) VALUES ('prod-proxy', 'prod', 'successful', 1)"
        )

    async def look() -> None:
        ledger = Ledger(file)
        await ledger.open()
        try:
            (host,), (run,) = await ledger.hosts(), await ledger.runs()
            assert (host.applied_revision, host.applied_vault, host.applied_digest) == ("r1", "", "")
            assert (run.status, run.vault, run.digest) == (RunStatus.SUCCESSFUL, "", "")
        finally:
            await ledger.close()

    asyncio.run(look())


def test_a_later_ledger_is_refused_and_not_a_byte_of_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places.below(tmp_path)
    places.database.parent.mkdir(parents=True)
    places.settings.write_text(SETTINGS.model_dump_json())
    places.write(tmp_path / "places.json")
    later = make_old(_make(tmp_path / "later"))
    with monkeypatch.context() as patch, closing(schema.connect(later)) as connection:
        patch.setattr(schema, "MIGRATIONS", LATER)
        schema.migrate(connection, str(later))
        for name in ("control.db", "control.db-wal"):  # as a power cut leaves it: the newest is not in the file yet
            shutil.copy(later.with_name(name), places.database.with_name(name))
    before = read_all(places.database.parent)
    assert len(before["control.db-wal"]) > 0
    assert main(["control", "serve", "--places", str(tmp_path / "places.json")]) == 1
    said = capsys.readouterr().err
    assert said.count("error: ") == 1
    assert f"a later homeprod (format {len(LATER)}, this one knows {len(schema.MIGRATIONS)})" in said
    assert "homeprod control upgrade" in said
    after = read_all(places.database.parent)
    assert {name: after[name] for name in before} == before


# The keyring


def bring(folder: Path) -> Keyring:
    shutil.copytree(CASES / "keyring-1", folder / "keyring")
    return Keyring(folder / "keyring")


def test_the_keyring_of_the_first_build_opens_and_goes_on(tmp_path: Path) -> None:
    keyring = bring(tmp_path)
    before = read_all(tmp_path)
    rendered = {
        opened.content.render().reveal()
        for opened in (keyring.open("sean", SEAN), keyring.open("anna", ANNA), keyring.open_with_identity(PAPER))
    }
    assert len(rendered) == 1
    assert read_all(tmp_path) == before
    secrets = keyring.open("sean", SEAN)
    assert (secrets.node, secrets.serial, secrets.environments) == ("lab-ansible", 3, ("lab", "prod"))
    assert secrets.pending() == ["lab/vault-password"]
    keyring.finish_rotation(secrets, "lab/vault-password")
    assert (keyring.open("anna", ANNA).serial, keyring.open("anna", ANNA).pending()) == (4, [])


def test_an_older_keyring_is_read_as_it_is_and_written_anew_with_its_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring, taken = bring(tmp_path), []

    def step(form: dict[str, object]) -> dict[str, object]:
        taken.append(form["version"])
        return {**form, "version": int(str(form["version"])) + 1}

    monkeypatch.setattr(content, "UPGRADES", (step, step))
    before = read_all(tmp_path)
    secrets = keyring.open("sean", SEAN)
    assert (taken, secrets.serial) == ([1, 2], 3)
    assert read_all(tmp_path) == before, "whoever goes back before anything was changed finds what was there"
    keyring.drop_rotation(secrets, "lab/vault-password")
    taken.clear()
    assert keyring.open("anna", ANNA).serial == 4
    assert taken == []
    label = json.loads((tmp_path / "keyring/generation-4/recipients.json").read_text())
    assert label["version"] == 3
    monkeypatch.setattr(content, "UPGRADES", ())
    before = read_all(tmp_path)
    for opening in (lambda: keyring.open("sean", SEAN), lambda: keyring.open_with_identity(PAPER)):
        with pytest.raises(NewerKeyringError, match="the keyring is of version 3, and this homeprod knows 1"):
            opening()
    with pytest.raises(NewerKeyringError):
        keyring.reseal(secrets)
    assert read_all(tmp_path) == before


def test_a_form_that_has_changed_since_is_brought_to_todays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = json.loads(bring(tmp_path).open("sean", SEAN).content.render().reveal())
    old = {**{name: value for name, value in now.items() if name != "recovery"}, "paper": now["recovery"]}
    upgrades = (*content.UPGRADES, lambda form: {**form, "recovery": form["paper"]})
    monkeypatch.setattr(content, "UPGRADES", upgrades)
    assert content.parse_content(Hidden(json.dumps(old))).recovery == now["recovery"]
    del old["paper"]
    with pytest.raises(DamagedKeyringError, match="what the keyring holds is not complete"):
        content.parse_content(Hidden(json.dumps(old)))
    for version in (0, -1, "1", None):
        with pytest.raises(DamagedKeyringError):
            content.parse_content(Hidden(json.dumps({**now, "version": version})))


# The CD


@pytest.fixture
def disc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands on the CD; nothing is installed on this machine by it."""
    folder = _make(tmp_path / "disc")
    (folder / "install.sh").write_text(f"touch {tmp_path}/installed\n")
    (folder / "version").write_text(f"{__version__}\n")

    class Mounted:
        def __enter__(self) -> Path:
            return folder

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(upgrade, "_mounted", Mounted)
    monkeypatch.setattr(upgrade, "AGAIN", ("touch", str(tmp_path / "put back")))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return folder


@pytest.mark.parametrize("version", [__version__, "99.0"])
def test_this_version_or_a_later_one_is_installed(
    disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    (disc / "version").write_text(version)
    assert main(["control", "upgrade"]) == 0
    assert f"homeprod {version} runs; the node is Locked until somebody unlocks it" in capsys.readouterr().out
    assert (tmp_path / "installed").exists()


@pytest.mark.parametrize(
    ("version", "words", "advice"),
    [
        ("0.0.1", f"the CD holds 0.0.1, which is older than {__version__}", "put the CD of this version or a later"),
        ("soon", "'soon' is no version", "is that homeprod's CD?"),
        (None, "the CD says no version", "is that homeprod's CD?"),
    ],
)
def test_a_downgrade_and_what_is_no_cd_are_refused_before_anything_is_done(
    disc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str | None, words: str, advice: str
) -> None:
    (disc / "version").unlink()
    if version is not None:
        (disc / "version").write_text(version)
    assert main(["control", "upgrade"]) == 1
    said = capsys.readouterr().err
    assert said.count("error: ") == 1
    assert words in said
    assert advice in said
    assert not (tmp_path / "installed").exists()
    assert not (tmp_path / "put back").exists()


def test_an_installation_that_fails_puts_the_version_from_before_back(
    disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (disc / "install.sh").write_text("echo tar: short read >&2\nexit 2\n")
    with pytest.raises(ControlError, match="the installation failed: tar: short read") as caught:
        upgrade.upgrade()
    assert f"{__version__} runs on" in caught.value.hint
    assert (tmp_path / "put back").exists()
    monkeypatch.setattr(upgrade, "AGAIN", ("false",))
    with pytest.raises(ControlError, match="the installation failed") as caught:
        upgrade.upgrade()
    assert "neither version starts" in caught.value.hint
    assert "journalctl -u homeprod-control" in caught.value.hint


def read_all(folder: Path) -> dict[str, bytes]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _path() -> str:
    return ":".join(sys.path)
