"""Stand-in secrets: the sealed ones' names, and nothing of their values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from homeprod.control.runs.vaulttext import find_vault_texts
from homeprod.core.errors import PromotionError
from homeprod.core.tree import File, Kind, Tree
from homeprod.rehearsal.secrets import VaultFile, list_secrets, make_stand_in_vault

SEALED = "$ANSIBLE_VAULT;1.1;AES256\n3031\n3032\n"
MIXED = """\
# what everybody has
plain: 1
one: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  3031
  3032

two:
  - first: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      3031
  - second: {inside: !vault "$ANSIBLE_VAULT;1.1;AES256", other: !unsafe '{{ x }}'}
same: &again !vault |
  $ANSIBLE_VAULT;1.1;AES256
  30
too: *again
"""


def make_tree(files: dict[str, str]) -> Tree:
    return Tree({path: File(Kind.FILE, text.encode()) for path, text in files.items()})


def stand_in(files: dict[str, str], overrides: dict[str, str] | None = None) -> list[VaultFile]:
    count = iter(range(100))
    tree, given = make_tree({"prod/hosts.yml": "all: {}\n", **files}), make_tree(overrides or {})
    return make_stand_in_vault(tree, "prod", given, lambda: f"generated {next(count)}", ("lab", "prod"))


def render(found: list[VaultFile]) -> dict[str, bytes]:
    """Each value sealed as its own bytes in hex, which is read back by :func:`load`."""
    sealed = {value: f"$ANSIBLE_VAULT;1.2;AES256;prod\n{value.hex()}\n" for value in list_secrets(found)}
    return {one.path: one.render(sealed) for one in found}


def load(content: bytes) -> Any:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!vault", lambda _, node: bytes.fromhex(node.value.splitlines()[1]).decode())
    Loader.add_constructor("!unsafe", lambda _, node: ("unsafe", node.value))
    return yaml.load(content, Loader)  # noqa: S506 (a kind of SafeLoader)


def test_a_sealed_value_has_a_generated_one_in_its_place_and_all_else_is_as_it_was() -> None:
    found = stand_in({"prod/group_vars/all.yml": MIXED})
    files = render(found)
    assert files["prod/hosts.yml"] == b"all: {}\n"
    assert load(files["prod/group_vars/all.yml"]) == {
        "plain": 1,
        "one": "generated 0",
        "two": [
            {"first": "generated 1"},
            {"second": {"inside": "generated 2", "other": ("unsafe", "{{ x }}")}},
        ],
        "same": "generated 3",
        "too": "generated 3",
    }
    assert b"3032" not in files["prod/group_vars/all.yml"]


def test_every_sealed_value_is_found_by_what_masks_them_in_a_runs_words() -> None:
    found = stand_in(
        {"prod/group_vars/all.yml": MIXED, "prod/host_vars/web.yml": SEALED}, {"prod/host_vars/web.yml": "a: b"}
    )
    texts = [text for content in render(found).values() for text in find_vault_texts(content)]
    assert {bytes.fromhex(text.decode()) for text in texts} == set(list_secrets(found))


def test_values_are_random_and_not_the_same_twice() -> None:
    tree = make_tree({"prod/a.yml": MIXED})
    first, second = (list_secrets(make_stand_in_vault(tree, "prod", Tree({}))) for _ in range(2))
    assert len({*first, *second}) == 8
    assert all(len(value) >= 20 for value in first)


def test_the_playbook_repository_can_say_what_a_value_looks_like() -> None:
    overrides = {"prod/group_vars/all.yml": "one: |\n  -----BEGIN KEY-----\n  x\ntwo: [{first: 7}]\n"}
    files = render(stand_in({"prod/group_vars/all.yml": MIXED}, overrides))
    told = load(files["prod/group_vars/all.yml"])
    assert (told["one"], told["two"][0]["first"]) == ("-----BEGIN KEY-----\nx\n", "7")
    assert told["two"][1]["second"]["inside"] == "generated 0"


def test_a_file_that_is_sealed_whole_is_sealed_whole_again() -> None:
    files = {"prod/host_vars/web": SEALED, "prod/group_vars/all/vault.yml": SEALED}
    overrides = {"prod/host_vars/web.yml": "a: b\n", "prod/group_vars/all/vault.yml": "c: d\n"}
    found = stand_in(files, overrides)
    assert sorted(list_secrets(found)) == [b"a: b\n", b"c: d\n"]
    assert render(found)["prod/host_vars/web"] == b"$ANSIBLE_VAULT;1.2;AES256;prod\n613a20620a\n"


def test_a_file_that_is_sealed_whole_without_stand_ins_is_named_with_what_to_write() -> None:
    with pytest.raises(PromotionError, match=r"prod/group_vars/all/vault\.yml, prod/host_vars/web") as caught:
        stand_in({"prod/host_vars/web": SEALED, "prod/group_vars/all/vault.yml": SEALED})
    assert "\n  stand-ins/prod/group_vars/all/vault.yml\n  stand-ins/prod/host_vars/web.yml" in caught.value.hint


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"prod/group_vars/all.yml": "one: x\nthree: y\n"}, "prod/group_vars/all.yml has no sealed three"),
        ({"prod/group_vars/all.yml": "plain: 2\n"}, "has no sealed plain"),
        ({"prod/group_vars/all.yml": "["}, "is no plain YAML"),
        ({"prod/group_vars/other.yml": "a: b\n"}, "has nothing sealed"),
        ({"prod/hosts.yml": "a: b\n"}, "has nothing sealed"),
    ],
)
def test_stand_ins_for_what_is_not_sealed_are_refused(overrides: dict[str, str], words: str) -> None:
    with pytest.raises(PromotionError, match=words) as caught:
        stand_in({"prod/group_vars/all.yml": MIXED}, overrides)
    assert caught.value.where.startswith("stand-ins/prod/")


def test_stand_ins_for_an_environment_that_is_not_there_are_refused() -> None:
    with pytest.raises(PromotionError, match="the site has no environment nope") as caught:
        stand_in({}, {"nope/x.yml": "a: b"})
    assert (caught.value.where, caught.value.hint) == ("stand-ins/nope/x.yml", "there are: lab, prod")


def test_broken_stand_ins_for_a_file_that_is_sealed_whole_are_refused() -> None:
    with pytest.raises(PromotionError, match="is no plain YAML") as caught:
        stand_in({"prod/host_vars/web.yml": SEALED}, {"prod/host_vars/web.yml": "a: ["})
    assert caught.value.where == "stand-ins/prod/host_vars/web.yml"


def test_another_environments_files_are_nobodys_business() -> None:
    found = stand_in({"lab/group_vars/all.yml": SEALED}, {"lab/anything.yml": "a: b"})
    assert [one.path for one in found] == ["prod/hosts.yml"]


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(PromotionError, match="no folder prod"):
        make_stand_in_vault(make_tree({"lab/hosts.yml": ""}), "prod", Tree({}))
    with pytest.raises(PromotionError, match="no YAML that can be read"):
        stand_in({"prod/a.yml": "a: !vault |\n  x\n [\n"})
    for path in ("prod/group_vars/all.yml", "prod/host_vars/web", "prod/hosts.yml"):
        with pytest.raises(PromotionError, match="no YAML that can be read") as caught:
            stand_in({path: "a: [\n"})
        assert caught.value.where == path
    stand_in({"prod/files/page.yml": "a: [\n"})  # nobody reads it as variables
    with pytest.raises(PromotionError, match="too large"):
        make_stand_in_vault(Tree({"prod/big": File(Kind.FILE, None)}), "prod", Tree({}))
