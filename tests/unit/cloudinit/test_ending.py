"""The end of cloud-init, from the reports that Debian 12's and 13's versions write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homeprod.cloudinit.ending import EndingState, read_ending

SOURCE = "DataSourceNoCloud [seed=/dev/sr0]"
OK = json.dumps({"v1": {"datasource": SOURCE, "errors": []}})


def _stage(start: float | None = None, finished: float | None = None, **more: Any) -> dict[str, Any]:
    return {"errors": [], "recoverable_errors": {}, "start": start, "finished": finished, **more}


def _status(stage: str | None, source: str | None = SOURCE, **stages: dict[str, Any]) -> str:
    """As 25.1 writes it: every stage is there from the first moment."""
    known = {name: _stage() for name in ("init", "init-local", "modules-config", "modules-final")}
    known.update({name.replace("_", "-"): value for name, value in stages.items()})
    return json.dumps({"v1": {"datasource": source, **known, "stage": stage}})


def test_nothing_there_yet_is_running() -> None:
    ending = read_ending(None, None)
    assert (ending.state, ending.stage, ending.errors) == (EndingState.RUNNING, "", ())


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("init-local", "before the network"),
        ("init", "network, data disks, users"),
        ("modules-final", "packages and scripts"),
        ("modules-new\x1b[2J", "modules-new?[2J"),
        (None, ""),
    ],
)
def test_the_running_stage_is_said_in_words(stage: str | None, words: str) -> None:
    ending = read_ending(_status(stage, init_local=_stage(3.1, 4.2)), None)
    assert (ending.state, ending.stage) == (EndingState.RUNNING, words)
    assert not ending.has_ended


def test_a_failed_stage_is_seen_before_the_end() -> None:
    ending = read_ending(_status("modules-config", init=_stage(5.0, 9.0, errors=["('ssh', OSError('no'))"])), None)
    assert ending.state is EndingState.RUNNING
    assert ending.errors == ("ssh: no",)


def test_done() -> None:
    ending = read_ending(_status(None, modules_final=_stage(9.0, 12.5)), OK)
    assert (ending.state, ending.errors, ending.warnings) == (EndingState.DONE, (), ())


def test_the_result_alone_ends_it() -> None:
    assert read_ending(None, OK).state is EndingState.DONE


def test_the_last_stage_finished_ends_it_even_without_a_result() -> None:
    assert read_ending(_status(None, modules_final=_stage(9.0, 12.5)), None).state is EndingState.DONE


def test_done_with_warnings_is_degraded() -> None:
    warned = _stage(9.0, 12.5, recoverable_errors={"WARNING": ["no such\nlocale"], "DEPRECATED": ["old key"]})
    # 25.1 copies the first stage's lists into all: the same warning is still one.
    ending = read_ending(_status(None, modules_final=warned, init=warned), OK)
    assert ending.state is EndingState.DEGRADED
    assert ending.warnings == ("warning: no such locale", "deprecated: old key")


def test_errors_fail_it_each_once() -> None:
    error = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
    result = json.dumps({"v1": {"datasource": SOURCE, "errors": [error, error]}})
    ending = read_ending(_status(None, modules_final=_stage(9.0, 12.5, errors=[error])), result)
    words = "scripts_user: Runparts: 1 failures (runcmd) in 1 attempted commands"
    assert (ending.state, ending.errors) == (EndingState.FAILED, (words,))


def test_debian_12_knows_no_recoverable_errors() -> None:
    stage = {"errors": [], "start": 1710000000.1, "finished": 1710000009.2}
    names = ("init", "init-local", "modules-init", "modules-config", "modules-final")
    status = json.dumps({"v1": {"datasource": SOURCE, "stage": None, **dict.fromkeys(names, stage)}})
    assert read_ending(status, OK).state is EndingState.DONE


def test_a_data_disk_that_was_left_alone_is_said_in_its_own_words() -> None:
    # As 25.1 wrote it in a booted machine.
    error = (
        "('bootcmd', ProcessExecutionError(\"Unexpected error while running command.\\nCommand: ['/bin/sh', "
        "'/run/cloud-init/tmp/tmpqol6c5nh.sh']\\nExit code: 1\\nReason: -\\nStdout: -\\nStderr: -\"))"
    )
    status = _status(None, init=_stage(18.32, 56.92, errors=[error]), modules_final=_stage(61.0, 63.5))
    ending = read_ending(status, None, "data disk docs: holds something (TYPE=LVM2_member ) \n")
    assert ending.state is EndingState.FAILED
    assert ending.errors == ("data disk docs: holds something (TYPE=LVM2_member )",)
    (alone,) = read_ending(status, None).errors
    assert alone.startswith("bootcmd: Unexpected error while running command. Command: ['/bin/sh'")


def test_a_machine_that_found_no_cd_has_failed() -> None:
    result = json.dumps({"v1": {"datasource": "DataSourceNone", "errors": []}})
    ending = read_ending(None, result)
    assert ending.state is EndingState.FAILED
    assert "cidata" in ending.errors[0]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"v2": {}}', '{"v1": []}'])
def test_what_is_not_cloud_inits_is_a_failure(text: str) -> None:
    assert read_ending(text, None).state is EndingState.FAILED
    assert read_ending(None, text).state is EndingState.FAILED


def test_what_a_guest_says_cannot_steer_a_terminal() -> None:
    result = json.dumps({"v1": {"datasource": SOURCE, "errors": ["\x1b]0;owned\x07 " + "x" * 5000]}})
    (error,) = read_ending(None, result).errors
    assert error.isprintable()
    assert len(error) < 1000
