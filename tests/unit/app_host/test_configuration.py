"""What Harbormaster would swallow of a configuration, each refused in words; no docker, no git."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from homeprod_apps.configuration import (
    parse_configuration,
)
from homeprod_apps.problem import (
    Problem,
)
from homeprod_apps.template import (
    fill,
)

GOOD = "url: u, branch: b"
WRONG = {
    "apps: [": "is no YAML",
    "\t": "is no YAML",
    "": "holds no apps",
    "[]": "holds no apps",
    "apps:": "has no apps: Harbormaster would end well, and stop nothing",
    "apps: {}": "has no apps: Harbormaster would end well, and stop nothing",
    "app: {}": "knows no 'app', and would ignore it silently",
    "config: {purge: yes}\napps: {a: {GOOD}}": "config: Harbormaster knows no 'purge'",
    "apps: {a: {GOOD, compose-config: x}}": "a: Harbormaster knows no 'compose-config'",
    "apps: {A b: {GOOD}}": "'A b' is no name for an app",
    "apps: {../a: {GOOD}}": "'../a' is no name for an app",
    "apps: {1: {GOOD}}": "'1' is no name for an app",
    "apps: {a: }": "a says nothing",
    "apps: {a: {url: u}}": "a has no branch: with Harbormaster it would take master",
    "apps: {a: {branch: b}}": "a has no url: with Harbormaster its whole run would end",
    "apps: {a: {GOOD, enabled: 'no'}}": "a: enabled is a str",
    "apps: {a: {url: u, branch: refs/heads/b}}": "'refs/heads/b' is no name of a branch",
    "apps: {a: {url: u, branch: --upload-pack=x}}": "'--upload-pack=x' is no name of a branch",
    "apps: {a: {url: 'ext::sh -c x', branch: b}}": "git would start a program by its url",
    "apps: {a: {url: --upload-pack=x, branch: b}}": "git would start a program by its url",
    "apps: {a: {GOOD, compose_config: ../x.yml}}": "'../x.yml' is no file of the branch",
    "apps: {a: {GOOD, compose_config: [/x.yml]}}": "'/x.yml' is no file of the branch",
    "apps: {a: {GOOD, compose_config: [1]}}": "1 is no file of the branch",
    "apps: {a: {GOOD, environment_file: none.env}}": "a names none.env, and there is none",
    "apps: {a: {GOOD, environment_file: wrong.env}}": "wrong.env:2 has no =: Harbormaster's whole run would end",
    "apps: {a: {GOOD, environment_file: wrong.yml}}": "wrong.yml holds something else than strings",
    "apps: {a: {GOOD, replacements_file: broken.yml}}": "broken.yml is no YAML",
    "apps: {a: {GOOD, environment: {A: yes}}}": "environment: A is no text; it would arrive as 'True'",
    "apps: {a: {GOOD, replacements: {A: 'x\\y'}}}": "A holds a backslash",
}
FILES = {
    "wrong.env": "A=1\n# a comment\n", "wrong.yml": "A: 1\n", "broken.yml": "{", "good.env": "A=1\nB=x=y\n",
    "good.yml": "{A: '2', B: '3'}",
}  # fmt: skip


def read(text: str) -> Callable[[str], bytes | None]:
    files = {"_harbormaster.yml": text, **FILES}
    return lambda name: files[name].encode() if name in files else None


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_configuration(read(text.replace("GOOD", GOOD)))
    assert WRONG[text] in refused.value.message


def test_no_file_at_all() -> None:
    with pytest.raises(Problem, match=r"there is no _harbormaster\.yml"):
        parse_configuration(lambda _: None)


def test_what_is_taken() -> None:
    text = "apps: {a: {GOOD, environment_file: good.env, environment: {A: 3}, replacements_file: good.yml}}"
    app = parse_configuration(read(text.replace("GOOD", GOOD))).apps["a"]
    assert app.environment == {"A": "3", "B": "x=y"}
    assert app.replacements == {"A": "2", "B": "3"}
    assert app.is_enabled


def test_another_apps_lines_make_no_new_revision() -> None:
    one, two = (
        parse_configuration(read(f"apps: {{a: {{{GOOD}}}, b: {{{GOOD}{more}}}}}")).apps
        for more in ("", ", enabled: false")
    )
    assert one["a"].digest == two["a"].digest
    assert one["b"].digest != two["b"].digest


def test_marks_are_filled_as_harbormaster_does() -> None:
    text = "{{ HM_DATA_DIR }} {{HM_PORT:\"80\"}} {{ HM_HOST:'x' }} {{ HM_NONE }} {{ other }}"
    assert fill(text, {"DATA_DIR": "/d", "HOST": "h"}, "f") == "/d 80 h {{ HM_NONE }} {{ other }}"
    with pytest.raises(Problem, match="the default of HM_PORT is no text in quotes"):
        fill("{{ HM_PORT:8o }}", {}, "compose.yaml")
