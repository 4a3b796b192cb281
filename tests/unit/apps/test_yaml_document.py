"""YAML with the places of its values, and whatever a person may write instead."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from homeprod.apps.document import Listing, Scalar, Table, Value, read_document
from homeprod.apps.lint import lint
from homeprod.apps.sheet import Sheet
from homeprod.core.tree import File, Kind, Tree


def plain(value: Value | None) -> object:
    if isinstance(value, Table):
        return {key: plain(one) for key, one in value}
    if isinstance(value, Listing):
        return [plain(one) for one in value.items]
    return value.value if isinstance(value, Scalar) else None


def test_merged_tables_give_what_is_not_there() -> None:
    text = "base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\nboth:\n  <<: [*base, {c: 4}]\n"
    read = plain(read_document(text, "f", Sheet()))
    assert read == {"base": {"a": 1, "b": 2}, "own": {"a": 1, "b": 3}, "both": {"a": 1, "b": 2, "c": 4}}


def test_every_key_knows_its_line() -> None:
    table = read_document("a:\n  - x\n\nb:\n  c: 1\n", "f", Sheet())
    assert isinstance(table, Table)
    assert {name: table.find(name).line for name in ("a", "b", "none")} == {"a": 1, "b": 4, "none": 1}


def test_what_cannot_be_read_is_one_mistake_with_its_line() -> None:
    for text, line in {
        "a: [": 1,
        "a: 1\n b: 2\n": 2,
        "[" * 100_000: 1,
        "a: &a [*a]": 1,
        "\x07": 1,
        "a: 2026-13-41": 1,
        "a: !!python/object:os.system x": 1,
        "a: 1\n---\nb: 2\n": 2,
    }.items():
        sheet = Sheet()
        assert read_document(text, "f", sheet) is None
        assert [(one.file, one.line) for one in sheet.mistakes] == [("f", line)]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet="ab: #\n", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_it_reads_what_yaml_reads(value: object) -> None:
    text = yaml.safe_dump(value)
    read = read_document(text, "f", Sheet())
    assert plain(read) == value


_NOISE = st.text(alphabet="apswiki:{}[]-&*!\"'#$ \n\t|>", max_size=80)


@settings(max_examples=300, deadline=None)
@given(_NOISE, _NOISE, _NOISE)
def test_lint_always_has_an_answer(configuration: str, compose: str, more: str) -> None:
    texts = {
        "hosts/box/_harbormaster.yml": f"apps:\n  wiki:\n    url: u\n    branch: deploy/box/wiki\n{configuration}",
        "apps/wiki/compose.yaml": f"services:\n{compose}",
        "hosts/box/allowances.yml": more,
        "hosts/box/moves.yml": more,
    }
    lint(Tree({path: File(Kind.FILE, text.encode()) for path, text in texts.items()}), {})


@settings(max_examples=100, deadline=None)
@given(_VALUES, _VALUES)
def test_lint_has_an_answer_to_any_values(app: object, service: object) -> None:
    texts = {
        "hosts/box/_harbormaster.yml": yaml.safe_dump(
            {"apps": {"wiki": app, "chat": {"url": app, "environment": app}}}
        ),
        "apps/chat/compose.yaml": yaml.safe_dump({"services": {"web": service}, "volumes": service, "include": app}),
    }
    lint(Tree({path: File(Kind.FILE, text.encode()) for path, text in texts.items()}), {})
