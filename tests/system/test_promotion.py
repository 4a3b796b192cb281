"""From a commit to prod and back: real git hosts, the real control node, the real Ansible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.promoted_site import ALWAYS, BROKEN, HOSTS, TASKS
from tests.promotion_records import note_green, read_notes
from tests.reference_schema import open_validator
from tests.system.promoted_node import Running, open_running

from homeprod.control.hosts.host import RunKind
from homeprod.control.state import NodeState

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Running]:
    with open_running(tmp_path, monkeypatch, capsys) as running:
        yield running


def test_what_is_bad_is_stopped_by_its_trial_and_told_for_those_that_it_stands_for(running: Running) -> None:
    site, node = running
    before = site.heads()["prod"]
    pages = {host: site.page(host) for host in HOSTS}

    site.clone.commit({"host_vars/lab-proxy.yml": "ansible_connection: ssh\nansible_port: 1\n"})
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert code == 3, said
    assert "lab-proxy: untried  the host did not answer: " in out
    assert "could not be tried: lab-proxy\n  the same once more goes on from there:" in said
    assert read_notes(site) == (), "that it was off says nothing of the change"
    site.clone.commit({"host_vars/lab-proxy.yml": "{}\n"})

    site.commit(BROKEN)
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert code == 1, said
    assert "lab-proxy: red  counts for prod-proxy too  run " in out
    assert "nothing_of_that_name" in out
    assert "its trial on lab-proxy was red: run " in site.run("trials")[1]

    site.commit(TASKS + ALWAYS, content="always")
    code, told = site.read("promote", "HEAD", "--to", "lab", "--yes")
    open_validator("promote").validate(told)
    [tried] = told["tried"]
    assert (code, tried["result"], tried["counts_for"]) == (1, "red", ["lab-proxy", "prod-proxy"])
    assert tried["why"] == f"not idempotent: base : the time changed something again (run {tried['runs'][1]})"
    assert site.run("promote", "HEAD", "--to", "prod", "--yes")[0] == 2

    site.commit(content="good")
    assert site.run("promote", "HEAD", "--to", "lab", "--yes")[0] == 0
    count = len(node.runs("lab-proxy"))
    code, out, said = site.run("promote", "HEAD", "--to", "lab", "--yes")
    assert (code, out) == (0, "nothing is left to be tried\n")
    assert f"lab is at {site.heads()['lab'][:12]} already\nlab-proxy: its record counts still" in said
    assert len(node.runs("lab-proxy")) == count

    (site.at / "lab-proxy" / "page").unlink()
    (site.at / "lab-proxy" / "page").mkdir()  # a repeat that fails takes the record away
    assert site.run("promote", "HEAD", "--to", "lab", "--yes", "--again")[0] == 1
    assert "its trial on lab-proxy was red: run " in site.run("trials")[1]

    assert site.heads()["prod"] == before
    assert {host: site.page(host) for host in HOSTS if host != "lab-proxy"} == {
        host: page for host, page in pages.items() if host != "lab-proxy"
    }
    assert {run.revision for host in ("prod-proxy", "prod-proxy-passthrough") for run in node.runs(host)} == {before}


def test_a_good_change_goes_to_prod_and_back_and_stays_away(running: Running) -> None:
    site, node = running
    first, second = site.clone.git("rev-parse", "HEAD"), site.greet("lab-proxy", "prod-proxy", greeting="second")
    assert site.run("promote", second, "--to", "prod", "--yes")[0] == 2
    # Each is broken off once the branch has moved, and goes on from there.
    code, out, said = site.run("promote", second, "--to", "lab", "--yes", "--wait-limit", "0")
    assert code == 3, said
    assert "has not ended within 0 s" in out
    assert read_notes(site) == ()
    code, out, said = site.run("promote", second, "--to", "lab", "--yes")
    assert (code, out) == (0, "lab-proxy: green  counts for prod-proxy too\n")
    assert said.startswith(f"lab is at {second[:12]} already\n")
    assert said.endswith(f"next:\n\n  {site.program} promote {second[:12]} --to prod\n")
    assert site.run("trials", "prod", second)[0] == 0
    code, out, _ = site.run("promote", second, "--to", "prod", "--yes", "--no-watch")
    assert (code, out.splitlines()[-1]) == (0, f"prod is at {second[:12]}")
    code, out, said = site.run("promote", second, "--to", "prod", "--yes")
    assert (code, out) == (0, ""), said
    assert said.endswith(f"prod-proxy: done\nprod is at {second[:12]}\n")
    assert {host: site.page(host) for host in HOSTS} == {
        "lab-proxy": "second", "prod-proxy": "second", "prod-proxy-passthrough": "first",
    }  # fmt: skip
    code, told = site.read("promote", second, "--to", "prod", "--yes")
    assert (code, told["has_moved"], told["rollout"]) == (
        0, False, [{"host": "prod-proxy", "state": "done", "problem": ""}],
    )  # fmt: skip

    code, told = site.read("rollback", "--yes", "--why", "mail broke")
    back = site.heads()["prod"]
    assert (code, told["to"], told["left"], told["revision"]) == (0, first, second, back)
    assert (site.page("prod-proxy"), site.page("lab-proxy")) == ("first", "second")

    # By hand, past all of us: the node holds it, and goes on as it was.
    site.clone.git("merge", "-q", "-s", "ours", "-m", "bring it back", back)
    site.clone.push("HEAD:refs/heads/prod")
    code, _, said = site.run("promote", "HEAD", "--to", "prod", "--yes")
    assert code == 2, said
    assert "the control node holds it: prod-proxy: that was rolled back by ops (mail broke)" in said
    assert site.page("prod-proxy") == "first"
    assert site.run("rollback", "--clear", "--yes")[0] == 0
    code, out, said = site.run("promote", "HEAD", "--to", "prod", "--yes")
    assert (code, site.page("prod-proxy")) == (0, "second"), said
    revisions = [run.revision for run in reversed(node.runs("prod-proxy")) if run.kind is RunKind.CONFIGURE]
    assert revisions == [first, second, back, site.heads()["prod"]]


@pytest.mark.soak
def test_a_locked_node_and_a_failing_host_are_told_and_the_next_command_goes_on(running: Running) -> None:
    site, node = running
    node.turn(NodeState.LOCKED)
    second = site.commit(content="second")
    code, _, said = site.run("promote", second, "--to", "lab", "--yes")
    assert (code, site.heads()["lab"]) == (3, second)
    assert "lab-ansible is Locked" in said
    assert "ssh -t lab-ansible unlock" in said
    assert read_notes(site) == ()
    node.turn(NodeState.READY)
    assert site.run("promote", second, "--to", "lab", "--yes")[0] == 0

    note_green(site, second)
    page = site.at / "prod-proxy-passthrough" / "page"  # the first of the order
    page.unlink()
    page.mkdir()
    code, out, said = site.run("promote", second, "--to", "prod", "--yes")
    assert code == 1, out + said
    assert "prod-proxy-passthrough: failed" in said
    assert f"the roll-out of {second[:12]} stopped at prod-proxy-passthrough: " in said
    assert "not reached, and as they were: prod-proxy\n" in said
    assert site.page("prod-proxy") == "first"
    page.rmdir()
    assert site.run("control", "retry", "prod-proxy-passthrough")[0] == 0
    code, out, said = site.run("promote", second, "--to", "prod", "--yes")
    assert code == 0, out + said
    assert {site.page(host) for host in HOSTS} == {"second"}, (said, node.runs())


@pytest.mark.soak
def test_what_stands_in_the_vault_is_tried_like_anything_else(running: Running) -> None:
    site, _ = running
    head = site.heads()["lab"]
    site.vault.commit(
        {
            "lab/host_vars/lab-proxy.yml": "greeting: from the vault\n",
            "prod/host_vars/prod-proxy.yml": "greeting: from the vault\n",
        }
    )
    site.vault.push("HEAD:refs/heads/main")
    code, out, said = site.run("trials", "prod", head)
    assert (code, said) == (2, "")
    assert "–   prod-proxy  " in out
    assert "prod-proxy-passthrough" not in out
    code, out, said = site.run("promote", head, "--to", "lab", "--yes")
    assert (code, out) == (0, "lab-proxy: green  counts for prod-proxy too\n"), said
    assert site.page("lab-proxy") == "from the vault"
    code, _, said = site.run("promote", head, "--to", "prod", "--yes")
    assert (code, site.page("prod-proxy")) == (0, "from the vault"), said
    assert site.run("trials", "prod", head)[0] == 0


@pytest.mark.soak
def test_a_trial_asks_no_gate_that_the_node_has_not_heard_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_running(tmp_path, monkeypatch, capsys, has_gate=False) as (site, _):
        second = site.commit(content="second")
        code, out, said = site.run("promote", second, "--to", "lab", "--yes")
        assert (code, out.splitlines()[-1]) == (0, "lab-proxy: green  counts for prod-proxy too"), out + said
        assert {one.entry.revision for one in read_notes(site)} == {second}
