"""What --json prints is what the published schemas say, and they are what the models generate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reference_schema import open_validator, read_schema
from tests.unit.plan.pegasus import CODER, DESIRED, INSTANCE, MACHINES, actual, make, plan, redeclare, without

from homeprod.cli.main import main
from homeprod.cli.schema.catalog import COMMANDS
from homeprod.cli.schema.failure import print_failure
from homeprod.cli.schema.plan import PlanReport
from homeprod.cli.showplan import describe_plan
from homeprod.cli.stream import _EVENTS
from homeprod.core.diagnostic import Diagnostic, SiteError
from homeprod.core.errors import StalePlanError
from homeprod.engine.event import Stage
from homeprod.plan.change import Action, Change, Difference, Effect
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.plan import Conflict, Notice, Plan


@pytest.mark.parametrize("command", COMMANDS)
def test_the_published_schema_is_the_models(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--json-schema"]) == 0
    published = read_schema(command)
    renew = f"python -m homeprod {command} --json-schema > docs/reference/{command}.schema.json"
    assert capsys.readouterr().out == published, (
        f"it has changed: is that meant, and is FORMAT still right? then {renew}"
    )


def _draw_plans() -> Iterator[Plan]:
    """Plans with every action, effect, and kind of thing."""
    yield plan(actual())
    yield plan(actual({}, ()))
    yield plan(actual(), redeclare("lab-coder", memory=2**30, cores=7, note="x", tags=frozenset({"z"}), dhcp=True))
    yield plan(actual(), redeclare("lab-coder", memory=2**30, cores=7, protected=True, packages=("jq",)))
    yield plan(actual(), without("lab-coder", "lab-ansible", "lab-ansible-data"))
    stopped = make(DESIRED[CODER], status="stopped")
    yield plan(actual({**MACHINES, 4001021: stopped}), starts=True)
    yield plan(actual({**MACHINES, 4001021: stopped}))
    yield plan(actual({**MACHINES, 4001021: make(DESIRED[CODER], tags=frozenset({NEW_TAG}))}))
    yield plan(actual({**MACHINES, 4001021: make(DESIRED[CODER], description="not ours")}))
    for number, action in enumerate(Action):
        differences = tuple(Difference("x", None, "y" * number, effect) for effect in Effect)
        change = Change(action, CODER, "n", number, differences, instance=INSTANCE)
        yield Plan((change,), (Conflict(CODER, "no", passes=True),), (Notice(CODER, "so", differs=False),))


@pytest.mark.parametrize("drawn", [*_draw_plans()], ids=lambda drawn: f"{len(drawn.changes)} changes")
def test_every_plan_fits(drawn: Plan) -> None:
    text = describe_plan(drawn, 12).model_dump_json(indent=2)
    open_validator("plan").validate(json.loads(text))
    PlanReport.model_validate_json(text)


def test_the_plans_above_have_everything() -> None:
    drawn = [*_draw_plans()]
    assert {change.action for each in drawn for change in each.changes} == {*Action}
    assert any(each.conflicts for each in drawn)
    assert any(each.notices for each in drawn)


def test_what_is_no_plan_does_not_fit() -> None:
    good = json.loads(describe_plan(plan(actual({}, ())), 12).model_dump_json())
    for broken in ({**good, "format": 2}, {**good, "changes": [{}]}, {}, {"format": 1, "errors": []}, []):
        assert not open_validator("plan").is_valid(broken)
    assert open_validator("plan").is_valid({**good, "later": "a field that a later release adds"})


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_fit_every_command(command: str) -> None:
    site_error = SiteError([Diagnostic("modules/a_vm.py", 3, "no", "do"), Diagnostic("modules/b_vm.py", 4, "no")])
    for error in (site_error, StalePlanError("moved", where="vm/a", hint="plan again")):
        text = print_failure(error, is_stream=command == "apply")
        open_validator(command).validate(json.loads(text))
        assert command != "apply" or len(text.splitlines()) == 1
    assert [m["line"] for m in json.loads(print_failure(site_error, is_stream=False))["errors"]] == [3, 4]


def test_every_stage_of_a_change_has_its_event() -> None:
    assert {*_EVENTS} == {*Stage}


def test_what_the_site_says_is_not_asked_for_a_schema(tmp_path: Path) -> None:
    assert main(["--site", str(tmp_path), "plan", "--json-schema"]) == 0
