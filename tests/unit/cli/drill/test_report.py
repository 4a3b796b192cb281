"""What a drill's report says: the verdict, the times, and the row for the documentation."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from tests.reference_schema import open_validator

from homeprod.cli.drill.logbook import PHASES, Logbook, StoppedError, time_machines
from homeprod.cli.drill.report import COLUMNS, check_out, keep_report, make_report, show_report
from homeprod.cli.schema.drill import AskedEntry, DrillReport, KeptEntry
from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, ProxmoxError, UsageError
from homeprod.engine.event import Event, Stage
from homeprod.plan.drill import DrillNote
from homeprod.site.loader import load_site

SITE = load_site(Path(__file__).parents[4] / "examples" / "pegasus")
NOTE = DrillNote("2026-11-26T21:00:00Z", {"lab-proxy": "5000000-a"}, (), {})
HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "drill.md"


def make_log() -> Logbook:
    log = Logbook()
    log.seconds = {"look": 1.04, "destroy": 20.0, "create": 250.2, "configure": 151.0, "serve": 3.0, "compare": 1.0}
    log.left_out = {"unlock": "no control node is among them"}
    log.before, log.after = {"lab-proxy": "5000000-a"}, {"lab-proxy": "5000000-b"}
    log.destroyed, log.created, log.configured = ({"lab-proxy": number} for number in (20.04, 250.0, 140.0))
    log.disks = [KeptEntry(owner="data-vm/x", slot="scsi0", label="x", volume="l:x", size=1, problem="")]
    log.asked = [AskedEntry(url="http://a/", origin="wan", verdict="as said", problem="")]
    return log


def report(log: Logbook, **options: object) -> DrillReport:
    given = argparse.Namespace(**{"lab": "demo", "json": False, **options})
    made = make_report(SITE, given, log, NOTE, is_resumed=False)
    open_validator("drill").validate(json.loads(made.model_dump_json()))
    return made


def test_a_drill_that_proved_all() -> None:
    made = report(make_log())
    assert (made.verdict, made.exit_code, made.seconds) == ("proven", 0, 426.2)
    assert [(phase.name, phase.state) for phase in made.phases][3] == ("unlock", "left out")
    (machine,) = made.machines
    assert (machine.vmid, machine.destroyed, machine.configured) == (5_000_000, 20.0, 140.0)
    cells = [cell.strip() for cell in made.row.strip("|").split("|")]
    assert cells[1:] == ["lab demo", cells[2], "1", "1", "20", "250", "–", "151", "3", "1", "426"]
    assert len(cells) == len(COLUMNS)
    assert "the site's own cluster" in report(make_log(), lab="").row


def test_the_how_to_has_the_columns_of_the_row() -> None:
    assert f"| {' | '.join(COLUMNS)} |" in HOW_TO.read_text(encoding="utf-8")


def test_what_could_not_be_asked_is_no_proof_and_a_problem_is_none_either() -> None:
    log = make_log()
    log.unproven.append("nothing was asked")
    assert (report(log).verdict, report(log).exit_code) == ("not proven", 3)
    log.current = "serve"
    log.note("http://a/", "status 503", "look there")
    made = report(log)
    assert (made.verdict, made.exit_code) == ("failed", 1)
    (phase,) = [one for one in made.phases if one.state == "failed"]
    assert (phase.name, phase.why) == ("serve", "http://a/: status 503")


def test_a_person_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    log = make_log()
    log.keys = {"lab-ansible": True}
    log.disks.append(KeptEntry(owner="data-vm/y", slot="scsi0", label="y", volume="l:y", size=1, problem="is gone"))
    log.fail("data-vm/y scsi0", "l:y is gone")
    show_report(report(log), argparse.Namespace(json=False))
    out = capsys.readouterr().out
    assert "ok    data-vm/x scsi0: l:x is the same\n" in out
    assert "fail  data-vm/y scsi0: l:y is gone\n" in out
    assert "ok    lab-ansible has the keyring of before\n" in out
    assert "\n1 machine in 426 s: failed\n" in out
    said, _, rows = out.partition("\na row for your own log of drills:\n\n")
    assert "docs/" not in said + rows
    head, line, row = rows.rstrip().splitlines()
    assert head == f"| {' | '.join(COLUMNS)} |"
    assert head.count("|") == line.count("|") == row.count("|")
    assert row.endswith("| 426 |")


def test_phases_add_up_and_an_error_in_one_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    log = Logbook()
    for _ in range(2):
        with log.phase("create", "lab-proxy"):
            log.seconds["create"] = log.seconds.get("create", 0.0) + 10
    assert log.seconds["create"] >= 20
    with pytest.raises(StoppedError), log.phase("serve"):
        raise ProxmoxError("no", where="vm/a", hint="look:\n\n  homeprod plan")
    (problem,) = log.problems
    assert (problem.phase, problem.where, problem.what) == ("serve", "vm/a", "no")
    assert "error: vm/a: no" in capsys.readouterr().err
    states = {phase.name: phase.state for phase in log.describe_phases()}
    assert states == dict.fromkeys(PHASES, "not begun") | {"create": "done", "serve": "failed"}
    with pytest.raises(StoppedError):
        log.stop_if_failed()


def test_only_machines_are_timed() -> None:
    into: dict[str, float] = {}
    tell = time_machines(into)
    for stage in (Stage.BEGUN, Stage.SAID, Stage.DONE):
        tell(Event(stage, Address("vm", "a"), "create"))
        tell(Event(stage, Address("image", "b"), "create"))
    tell(Event(Stage.DONE, Address("vm", "never-begun"), "create"))
    assert into.keys() == {"a"}


def test_a_report_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    made = report(make_log())
    keep_report(made, tmp_path / "report.json")
    assert DrillReport.model_validate_json((tmp_path / "report.json").read_text()) == made
    (tmp_path / "folder").mkdir()
    with pytest.raises(HomeprodError, match="cannot write the report"):
        keep_report(made, tmp_path / "folder")


def test_where_no_report_can_be_kept_is_told_before(tmp_path: Path) -> None:
    check_out(None)
    check_out(tmp_path / "report.json")
    (tmp_path / "file").touch()
    check_out(tmp_path / "file")
    check_out(tmp_path / "new" / "report.json")
    assert not (tmp_path / "new").exists()
    for wrong in (tmp_path, tmp_path / "file" / "report.json"):
        with pytest.raises(UsageError, match="no report can be kept there"):
            check_out(wrong)
