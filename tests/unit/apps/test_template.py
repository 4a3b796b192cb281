"""What Harbormaster puts into a compose file, against the real one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.harbormaster import make_environment

from homeprod.apps.sheet import Sheet
from homeprod.apps.template import render
from homeprod.apps.variables import CACHE, DATA, REPOSITORY

_SCRIPT = """
import json, sys
from docker_harbormaster.cli import _render_template
texts, values = json.load(sys.stdin)
print(json.dumps([_render_template(text, values) for text in texts]))
"""
TEXTS = (
    "plain",
    "{{ HM_NAME }}",
    "{{HM_NAME}}/{{ HM_NAME }}",
    '{{ HM_NAME:"other" }}',
    '{{ HM_NONE:"other" }}',
    "{{ HM_NONE:7 }}",
    "{{ HM_NONE:'a b' }} and {{ HM_DATA_DIR }}",
    "{{ HM_CACHE_DIR }}:{{ HM_REPO_DIR }}",
    "{{ OTHER }} {{ HM }}",
    "{ { HM_NAME } }",
)


def ask(texts: list[str], values: dict[str, str], folder: Path) -> list[str]:
    """The real one."""
    (folder / "tmp").mkdir(exist_ok=True)
    folders = {"DATA_DIR": DATA, "CACHE_DIR": CACHE, "REPO_DIR": REPOSITORY}
    argv = [sys.executable, "-c", _SCRIPT]
    given = json.dumps([texts, {**folders, **values}])
    done = subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=60, check=True, env=make_environment(folder)
    )
    rendered: list[str] = json.loads(done.stdout)
    return rendered


def test_it_is_rendered_as_harbormaster_does(tmp_path: Path) -> None:
    sheet = Sheet()
    ours = [render(text, {"NAME": "wiki"}, "f", sheet) for text in TEXTS]
    assert ours == ask([*TEXTS], {"NAME": "wiki"}, tmp_path)
    assert sheet.mistakes == []


def test_what_it_would_leave_or_spoil_is_a_mistake(tmp_path: Path) -> None:
    left, spoilt = ask(["{{ HM_NONE }}", "{{ HM_NONE:word }}"], {}, tmp_path)
    assert (left, spoilt) == ("{{ HM_NONE }}", "HM_INVALID_DEFAULT_VALUE")
    sheet = Sheet()
    render("x\n{{ HM_NONE }}\n{{ HM_NONE:word }}", {}, "f", sheet)
    assert [str(one) for one in sheet.mistakes] == [
        "f:2: HM_NONE has no value: Harbormaster would leave it as it stands",
        "f:3: the default of HM_NONE is no literal of Python",
    ]


def test_a_value_may_lie_on_the_host() -> None:
    sheet = Sheet()
    render("{{ HM_NONE }}", None, "f", sheet)
    assert sheet.mistakes == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{} HM_A:\"'\n", max_size=60))
def test_lines_stay_where_they_are(text: str) -> None:
    assert render(text, {"A": "x"}, "f", Sheet()).count("\n") == text.count("\n")
