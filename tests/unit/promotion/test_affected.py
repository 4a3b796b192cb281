"""Who is affected by what, file by file, and where nobody can tell."""

from __future__ import annotations

import pytest
from tests.unit.promotion.trees import BASE, INVENTORY, list_affected, make_revision

from homeprod.promotion.affected import find_affected
from homeprod.promotion.closure import find_closures
from homeprod.promotion.document import UnreadableError

ALL, WEB = ["one", "three", "two"], ["one", "two"]


@pytest.mark.parametrize(
    ("path", "content", "hosts"),
    [
        ("README.md", "other words", []),
        ("stand-ins/prod/host_vars/three.yml", "secret: none", []),
        ("docs/notes.yml", "- x", []),
        (".github/workflows/ci.yml", "on: push", []),
        ("site/lab-ansible.json", "{}", []),
        ("site/pictures/network.svg", "<svg/>", []),
        ("roles/unused/tasks/main.yml", "- ansible.builtin.debug: {msg: x}", []),
        ("roles/base/tasks/main.yml", "[]", ALL),
        ("roles/web/templates/part.j2", "x", WEB),
        ("roles/web/library/module.py", "x", WEB),
        ("roles/common/defaults/main.yml", "shared: x", WEB),
        ("roles/database/tasks/main.yml", "[]", ["three"]),
        # A play of the third reads variables of other hosts: all of them are its own, here and below.
        ("group_vars/web.yml", "x: y", ALL),
        ("group_vars/web/more.yml", "x: y", ALL),
        ("group_vars/above.yaml", "x: y", ALL),
        ("group_vars/env_prod.yml", "greeting: x", ["three"]),
        ("group_vars/all.yml", "motto: x", ALL),
        ("group_vars/of_nobody_known.yml", "x: y", ALL),
        ("host_vars/two.yml", "motto: x", ["three", "two"]),
        ("host_vars/four.yml", "motto: x", ["three"]),
        ("site/group_vars/env_lab.yml", "x: y", ALL),
        ("site/entry/two/nginx.conf", "x", ["two"]),
        ("site/entry/nftables.conf", "x", ALL),
        ("files/loose.txt", "x", ALL),
        ("ansible.cfg", "[defaults]", ALL),
        ("filter_plugins/own.py", "x", ALL),
        ("playbooks/group_vars/all.yml", "x: y", ALL),
    ],
)
def test_a_file_is_an_input_of_those_whose_runs_may_read_it(path: str, content: str, hosts: list[str]) -> None:
    assert list_affected({**BASE, path: content}) == hosts


def test_a_host_that_is_new_or_gone_is_told() -> None:
    more = {**BASE, "site/inventory.yml": INVENTORY + "    four: {own: fourth}\n"}
    [four, *others] = find_affected(make_revision(BASE), make_revision(more))
    assert (four.host, four.before, four.why) == ("four", None, ("it is new in the inventory",))
    assert [one.host for one in others] == ["three"], "it reads the others' variables"
    [gone, _] = find_affected(make_revision(more), make_revision(BASE))
    assert (gone.host, gone.after, gone.why) == ("four", None, ("it is not in the inventory any more",))


def test_the_order_of_plays_counts_and_how_they_are_written_does_not() -> None:
    plays = BASE["site.yml"].split("- name: the web")
    turned = f"- name: the web{plays[1]}{plays[0]}"
    assert list_affected({**BASE, "site.yml": turned}) == ALL
    written = BASE["site.yml"].replace("roles: [base]", "roles:\n    - base  # what everybody has")
    assert list_affected({**BASE, "site.yml": f"# ours\n{written}"}) == []
    before = f"- hosts: three\n  gather_facts: false\n  roles: [common]\n{BASE['site.yml']}"
    assert list_affected({**BASE, "site.yml": before}) == ["three"], "the others' plays are as they were"


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("roles/web/tasks/more.yml", '- include_role: {name: "{{ kind }}"}', "a role that a variable names"),
        ("roles/web/tasks/more.yml", '- include_tasks: "{{ kind }}.yml"', "brings in what a variable names"),
        ("roles/web/tasks/more.yml", '- include_vars: {dir: "{{ kind }}"}', "brings in what a variable names"),
        ("roles/web/tasks/more.yml", "- block: [{group_by: {key: x}}]", "makes groups while it runs"),
        ("roles/web/tasks/more.yml", "- debug: {msg: x}\n  with_fileglob: [x]", "looks something up (with_fileglob)"),
        (
            "roles/web/tasks/more.yml",
            "- import_role: {name: of.it.web}",
            ":1 names of.it.web, which is no role of this",
        ),
        ("roles/web/tasks/more.yml", "- import_role: {name: homeprod.site.x}", "which is no role of homeprod"),
        ("roles/web/tasks/more.yml", "- copy: {src: ../../unused/files/x}", "may read files elsewhere (../)"),
        ("roles/web/tasks/more.yml", "\n- [", "more.yml:2 is no YAML: expected the node content"),
        ("roles/web/templates/page.j2", "{{ lookup('pipe', 'date') }}", "looks something up (pipe)"),
        ("roles/web/templates/page.j2", "{{ lookup('file', name) }}", "looks something up (file)"),
        ("roles/web/templates/page.j2", "{{ query(which, 'x') }}", "by a plugin that a variable names"),
        ("roles/web/vars/main.yml", "place: roles/unused/files/x", "may read files elsewhere (roles/)"),
        ("group_vars/web.yml", 'place: "{{ playbook_dir }}/x"', "may read files elsewhere (playbook_dir)"),
    ],
)
def test_what_cannot_be_followed_makes_everything_an_input(path: str, content: str, words: str) -> None:
    before = {**BASE, path: content}
    closures = find_closures(make_revision(before))
    assert [host for host, one in closures.items() if one.doubts] == WEB
    said = str(closures["one"].doubts[0])
    assert words in said
    assert said.startswith(f"{path}:")
    unused = {**before, "roles/unused/tasks/main.yml": "[]"}
    found = find_affected(make_revision(before), make_revision(unused))
    assert [one.host for one in found] == WEB
    assert (found[0].why, words in found[0].doubts[0]) == (("everything is changed",), True)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("site.yml", '- import_playbook: "{{ which }}.yml"'),
        ("site.yml", "- import_playbook: missing.yml"),
        ("site.yml", "- import_playbook: site.yml"),
        ("site.yml", "["),
        ("tasks/some.yml", '- include_role: {name: "{{ kind }}"}'),
        ("group_vars/all.yml", "x: \"{{ lookup('env', 'HOME') }}\""),
    ],
)
def test_what_is_everybodys_and_cannot_be_followed_is_so_for_all(path: str, content: str) -> None:
    assert all(one.doubts for one in find_closures(make_revision({**BASE, path: content})).values())


@pytest.mark.parametrize(
    ("path", "content", "place"),
    [
        ("site.yml", "- hosts: all\n  roles: [base\n", "site.yml:3 is no YAML: expected ',' or ']'"),
        ("site.yml", None, "site.yml is not there, or cannot be read"),
        (
            "site.yml",
            BASE["site.yml"].replace("[base]", "[base, gone]"),
            "site.yml:4 names gone, which is no role of",
        ),
        (
            "site.yml",
            BASE["site.yml"].replace("database", "'{{ x }}'"),
            "site.yml:13 brings in a role that a variable",
        ),
        (
            "site.yml",
            "- hosts: all\n- import_playbook: gone.yml\n",
            "site.yml:2 imports gone.yml, which is not there",
        ),
    ],
)
def test_where_everything_comes_to_count_the_place_is_told_and_not_the_whole_tree(
    path: str, content: str | None, place: str
) -> None:
    """Nothing but that file differs: whatever else is new or gone is so for the reason that is told first."""
    after = {**BASE, path: content or ""}
    if content is None:
        del after[path]
    good, bad = make_revision(BASE), make_revision(after)
    found = find_affected(good, bad)
    assert [one.host for one in found] == (["three"] if "a variable" in place else ALL)
    for one in found:
        assert one.why[0] == "everything counts now, and did not before"
        assert one.doubts[0].startswith(place)
        assert all(words.startswith("site.yml: ") for words in one.why[1:]), one.why
    for one in find_affected(bad, good):
        assert one.why[0] == "everything counted before, and does not now"
        assert one.doubts[0].startswith(place)
        assert all(words.startswith("site.yml: ") for words in one.why[1:]), one.why


def test_what_is_really_gone_is_told_beside_what_makes_everything_count() -> None:
    after = {path: text for path, text in BASE.items() if not path.startswith("roles/common/")}
    for one in find_affected(make_revision(BASE), make_revision({**after, "group_vars/all.yml": "motto: x\n"})):
        assert ("roles/common/tasks/main.yml is gone" in one.why) is (one.host != "three")
        assert "group_vars/all.yml is changed" in one.why
        assert (
            one.doubts[:1] == ("roles/web/meta/main.yml:1 names common, which is no role of this repository",)
        ) is (one.host != "three")


def test_of_several_places_the_new_one_stands_first() -> None:
    before = {**BASE, "files/a.yml": "- group_by: {key: x}"}
    after = {**before, "site.yml": "["}
    for one in find_affected(make_revision(before), make_revision(after)):
        assert one.why == ("everything is changed",)
        assert [words.partition(" ")[0] for words in one.doubts] == ["site.yml:1", "files/a.yml:1"]


def test_values_and_loops_that_read_nothing_are_no_reason_to_doubt() -> None:
    tasks = """\
- debug: {msg: "{{ lookup('vars', 'own') }} {{ lookup('ansible.builtin.template', 'page.j2') }} {{ item }}"}
  with_items: [1]
- user: {name: x, groups: [y]}
  vars: {roles: [a, b], dependencies: [c]}
"""
    closure = find_closures(make_revision({**BASE, "roles/web/tasks/more.yml": tasks}))["one"]
    assert closure.doubts == []
    assert f"site/inventory.yml: {'three'}" not in closure.inputs


def test_an_imported_playbook_is_followed_and_its_plays_are_their_hosts() -> None:
    base = {**BASE, "site.yml": "- import_playbook: plays/more.yml", "plays/more.yml": BASE["site.yml"]}
    changed = {**base, "plays/more.yml": base["plays/more.yml"].replace("name: the web", "name: pages")}
    assert list_affected(changed, base) == WEB


def test_the_vault_counts_by_its_bytes_and_for_its_environment() -> None:
    vault = {"lab/group_vars/all.yml": "$ANSIBLE_VAULT;1.1\nab", "lab/hosts.yml": "spare: {hosts: {one: {}}}"}
    before = make_revision(BASE, vault)

    def hosts(**changes: str) -> list[str]:
        more = {path.replace("__", "/") + ".yml": content for path, content in changes.items()}
        return [one.host for one in find_affected(before, make_revision(BASE, {**vault, **more}))]

    assert hosts(lab__group_vars__all="$ANSIBLE_VAULT;1.1\ncd") == WEB
    assert hosts(prod__group_vars__all="$ANSIBLE_VAULT;1.1\ncd") == ["three"]
    assert hosts(lab__group_vars__spare="x: y") == ["one"], "a group that the vault's inventory makes"
    assert hosts(lab__host_vars__two="x: y") == ["two"]


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", ALL),
        ("*", ALL),
        ("one", ["one"]),
        ("web", WEB),
        ("above", WEB),
        ("one:three", ["one", "three"]),
        ("one,three", ["one", "three"]),
        ("[one, three]", ["one", "three"]),
        ("all:!web", ["three"]),
        ("all:&env_prod", ["three"]),
        ("!one", ["three", "two"]),
        ("t*", ["three", "two"]),
        ("~t(wo|hree)", ["three", "two"]),
        ("~(", ALL),
        ("web[0]", WEB),
        ("all:!web[0]", ALL),
        ("of_another_inventory", ALL),
        ("all:!of_another_inventory", ALL),
        ("localhost", []),
        ('"{{ which }}"', ALL),
    ],
)
def test_a_play_is_of_all_hosts_that_its_pattern_may_mean(pattern: str, hosts: list[str]) -> None:
    written = pattern if pattern.startswith(("[", '"')) else f"'{pattern}'"
    after = f"{BASE['site.yml']}- hosts: {written}\n  roles: [unused]\n"
    assert list_affected({**BASE, "site.yml": after}) == hosts


@pytest.mark.parametrize("inventory", [None, "[", "all: &x {children: {a: *x}}"])
def test_without_an_inventory_that_can_be_read_nobody_is_compared(inventory: str | None) -> None:
    files = {path: content for path, content in BASE.items() if path != "site/inventory.yml"}
    with pytest.raises(UnreadableError):
        find_closures(make_revision(files if inventory is None else {**files, "site/inventory.yml": inventory}))
