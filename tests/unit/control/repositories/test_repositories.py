"""The repositories: real git, real signatures, heads believed and not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.control.repositories.origin import PLAYBOOK, Setting, make_key

from homeprod.control.repositories.errors import RepositoryError
from homeprod.control.repositories.repositories import Checkout, Repositories
from homeprod.core.errors import ControlError


def fetch(setting: Setting) -> Checkout:
    """By a node that was started for it."""
    return asyncio.run(Repositories(lambda: setting.settings, setting.places).fetch("lab"))


def refuse(setting: Setting) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        fetch(setting)
    assert caught.value.hint
    assert caught.value.waiting.startswith(f"waiting: {caught.value.repository} repository: ")
    return caught.value


def test_a_signed_head_is_laid_out_to_be_read(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    checkout = fetch(setting)
    assert checkout.revision == setting.playbooks.git("rev-parse", "HEAD")
    assert (checkout.playbooks / "site.yml").read_text() == PLAYBOOK
    assert [path.is_file() or (path / "hosts.yml").is_file() for path in checkout.inventories] == [True, True]
    host = checkout.inventory["lab-proxy"]
    assert (host.address, host.environment, host.control_node) == ("127.0.0.1", "lab", "lab-ansible")
    assert (checkout.problems, checkout.settings) == ((), None)
    assert not any(path.stat().st_mode & 0o022 for path in checkout.playbooks.rglob("*"))


def test_another_user_reads_the_tree_whatever_the_daemons_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        setting = Setting.make(tmp_path)
        checkout = fetch(setting)
    finally:
        os.umask(before)
    for path in (checkout.playbooks, *checkout.playbooks.rglob("*")):
        assert path.stat().st_mode & 0o004
    assert checkout.playbooks.parent.stat().st_mode & 0o001


def test_the_newest_head_is_fetched_and_what_is_pushed_before_the_call_is_in_it(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    async def story() -> None:
        repositories = Repositories(lambda: setting.settings, setting.places)
        first = await repositories.fetch("lab")
        pushed = setting.playbooks.commit({"site.yml": "[]\n"})
        answers = await asyncio.gather(*(repositories.fetch("lab") for _ in range(20)))
        assert {answer.revision for answer in answers} == {pushed}
        assert (first.playbooks / "site.yml").read_text() == PLAYBOOK
        under_way = asyncio.create_task(repositories.fetch("lab"))
        await asyncio.sleep(0.005)
        newer = setting.playbooks.commit({"site.yml": "- {}\n"})
        assert (await repositories.fetch("lab")).revision == newer
        await under_way

    asyncio.run(story())


@pytest.mark.parametrize("repository", ["playbooks", "vault"])
def test_a_head_that_nobody_signed_never_runs(tmp_path: Path, repository: str) -> None:
    setting = Setting.make(tmp_path)
    believed = fetch(setting)
    origin = getattr(setting, repository)
    origin.commit({"site.yml": "evil\n"}, is_signed=False)
    checkout = fetch(setting)
    assert (checkout.playbooks, checkout.vault) == (believed.playbooks, believed.vault)
    assert "is not signed; runs go on with" in checkout.problems[0]
    origin.commit({"site.yml": PLAYBOOK})
    assert fetch(setting).problems == ()


def test_where_no_head_was_ever_believed_an_unsigned_one_makes_the_node_wait(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    setting.playbooks.git("commit", "-q", "--amend", "--no-gpg-sign", "-m", "not signed")
    assert "is not signed" in refuse(setting).message


def test_a_key_that_may_not_sign_is_named_by_its_fingerprint(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    fetch(setting)
    setting.playbooks.commit({"site.yml": "[]\n"}, key=make_key(tmp_path, "stranger"))
    assert "is signed by a key that may not sign (SHA256:" in fetch(setting).problems[0]


def test_a_signature_of_another_commit_is_not_right(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    fetch(setting)
    commit = setting.playbooks.git("cat-file", "commit", "HEAD")
    forged = tmp_path / "forged"
    forged.write_text(commit.replace("a change", "another") + "\n")
    changed = setting.playbooks.git("hash-object", "-t", "commit", "-w", str(forged))
    setting.playbooks.git("update-ref", "refs/heads/lab", changed)
    assert "has a signature that is not right" in fetch(setting).problems[0]


def test_a_head_that_was_set_back_is_not_believed_even_by_a_node_that_was_made_again(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    first = fetch(setting)
    newer = setting.playbooks.commit({"site.yml": "[]\n"})
    assert fetch(setting).revision == newer
    setting.playbooks.git("reset", "-q", "--hard", first.revision)
    checkout = fetch(setting)
    assert checkout.revision == newer
    assert "does not come after" in checkout.problems[0]
    # The boot disk is a new one: the older head is all that can be had, and it is refused all the same.
    setting.places.cache.rename(tmp_path / "gone")
    setting.places.cache.mkdir()
    assert "does not come after" in refuse(setting).message


@pytest.mark.parametrize("repository", ["playbook", "vault"])
def test_a_branch_that_was_rewritten_changes_nothing_until_a_person_says_that_it_was_meant(
    tmp_path: Path, repository: str
) -> None:
    setting = Setting.make(tmp_path)
    origin = setting.playbooks if repository == "playbook" else setting.vault
    believed = origin.commit({"note": "one"})
    before = fetch(setting)
    origin.git("checkout", "-q", "--orphan", "other")
    rewritten = origin.commit({"note": "another"})
    branch = "lab" if repository == "playbook" else "main"
    origin.git("branch", "--force", branch, rewritten)
    origin.git("checkout", "-q", branch)
    for _ in range(3):
        checkout = fetch(setting)
        assert (checkout.playbooks, checkout.vault) == (before.playbooks, before.vault)
        [words] = checkout.problems
        assert words == (
            f"{repository} repository: its head {rewritten[:12]} on {branch if repository == 'playbook' else 'HEAD'}"
            f" does not come after {believed[:12]}, which was believed before; runs go on with {believed[:12]};"
            " push one that does, or remove heads.json on the control node where it was meant"
        )
    heads = setting.places.database.with_name("heads.json")
    heads.unlink()
    checkout = fetch(setting)
    assert checkout.problems == ()
    laid = checkout.playbooks if repository == "playbook" else checkout.vault
    assert laid.name.startswith(rewritten[:7]) or rewritten in str(laid)


def test_each_thing_that_is_wrong_with_a_repository_is_said(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)

    def change(**facts: object) -> Setting:
        settings = setting.settings.model_copy(update=facts)
        return Setting(setting.key, setting.playbooks, setting.vault, setting.places, settings)

    assert "there is none at that address" in refuse(change(playbooks=f"file://{tmp_path}/nothing")).message
    assert "there is none at that address" in refuse(change(vault=f"file://{tmp_path}/nothing")).message
    # A port of this machine that nobody listens on.
    unreachable = refuse(change(vault="ssh://git@127.0.0.1:1/vault.git"))
    assert "vault repository: it does not clone: ssh: connect to host 127.0.0.1 port 1: Connection refused" in str(
        unreachable
    )
    branch = setting.settings.environments[0].model_copy(update={"branch": "nowhere"})
    assert "it has no branch nowhere" in refuse(change(environments=(branch,))).message
    prod = setting.settings.environments[0].model_copy(update={"name": "prod"})
    repositories = Repositories(lambda: change(environments=(prod,)).settings, setting.places)
    with pytest.raises(RepositoryError, match="it has no folder prod"):
        asyncio.run(repositories.fetch("prod"))
    with pytest.raises(ControlError, match="no such environment"):
        asyncio.run(repositories.fetch("lab"))


@pytest.mark.parametrize("kind", ["ssh://git@", "https://"])
@pytest.mark.parametrize("repository", ["playbooks", "vault"])
def test_a_git_host_that_does_not_exist_is_told_and_what_was_believed_stays(
    tmp_path: Path, repository: str, kind: str
) -> None:
    setting = Setting.make(tmp_path)
    fetch(setting)
    heads = setting.places.database.with_name("heads.json")
    before = heads.read_text()
    # A name with an empty label is none: it is refused before any name server is asked.
    settings = setting.settings.model_copy(update={repository: f"{kind}nowhere..invalid/{repository}.git"})
    error = refuse(replace(setting, settings=settings))
    assert error.message == f"{repository.removesuffix('s')} repository: the git host's name is unknown"
    assert "look at its address in the site, and at the node's DNS" in error.hint
    assert heads.read_text() == before
    fetch(setting)


def test_a_link_that_leads_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    (setting.playbooks.folder / "out").symlink_to("/etc/passwd")
    setting.playbooks.commit({})
    assert "cannot be laid out" in refuse(setting).message


def test_a_link_that_leads_nowhere_is_refused_or_a_link_like_any_other(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    (setting.playbooks.folder / "loop").symlink_to("loop")
    setting.playbooks.commit({})
    if sys.version_info < (3, 13):  # a later Python says of a loop that it leads to itself
        assert "loop is a link that leads nowhere" in refuse(setting).message


def test_for_a_signature_of_another_kind_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting.make(tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gpg", "gpgsm"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    tree = setting.playbooks.git("rev-parse", "HEAD^{tree}")
    for kind in ("PGP SIGNATURE", "SIGNED MESSAGE"):
        commit = f"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n"
        commit += f"gpgsig -----BEGIN {kind}-----\n \n AAAA\n -----END {kind}-----\n\nevil\n"
        (tmp_path / "commit").write_text(commit)
        made = setting.playbooks.git("hash-object", "-t", "commit", "-w", str(tmp_path / "commit"))
        setting.playbooks.git("reset", "-q", "--hard", made)
        assert "playbook repository: its head" in refuse(setting).message
    assert not (tmp_path / "started").exists()


def test_an_address_is_never_taken_for_an_option(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    fetch(setting)
    # git runs what stands behind --upload-pack; what it takes for the address then is the branch that is asked for
    address = f"--upload-pack=touch {tmp_path}/run; false"
    known = setting.settings.model_copy(update={"playbooks": address})
    clone = setting.places.cache / "git" / "playbooks.git"
    subprocess.run(["git", "-C", clone, "config", "remote.origin.url", str(setting.playbooks.folder)], check=True)
    with pytest.raises(ControlError):
        asyncio.run(Repositories(lambda: known, setting.places).fetch("lab"))
    assert not (tmp_path / "run").exists()


def test_settings_that_are_no_text_are_refused_in_words(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    setting.playbooks.commit({"site/lab-ansible.json": "{}"})
    (setting.playbooks.folder / "site" / "lab-ansible.json").write_bytes(b"\xff\xfe{}")
    setting.playbooks.commit({})
    with pytest.raises(ControlError, match="the control node's settings are wrong"):
        fetch(setting)


def test_an_inventory_that_is_damaged_or_missing_is_said(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    for text in ("all: [", "all: {hosts: {lab-proxy: {ansible_host: 1.2.3.4}}}", "- 1", "all: {hosts: 7}"):
        setting.playbooks.commit({"site/inventory.yml": text})
        with pytest.raises(ControlError, match="the rendered inventory is not as homeprod writes it"):
            fetch(setting)
    (setting.playbooks.folder / "site" / "inventory.yml").unlink()
    setting.playbooks.commit({"site/other": ""})
    with pytest.raises(ControlError, match="the rendered inventory cannot be read"):
        fetch(setting)


def test_the_nodes_settings_come_from_the_believed_head_and_count_from_then_on(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    second = make_key(tmp_path, "second")
    public = second.with_name("second.pub").read_text().strip()
    signers = ({"person": "max", "key": public},)
    rendered = setting.settings.model_copy(update={"signers": signers}).model_dump_json(warnings=False)

    async def story() -> None:
        repositories = Repositories(lambda: setting.settings, setting.places)
        setting.playbooks.commit({"site/lab-ansible.json": rendered})
        setting.vault.commit({}, key=second)
        with pytest.raises(RepositoryError, match="vault repository: its head"):
            await repositories.fetch("lab")
        setting.vault.git("reset", "-q", "--hard", "HEAD~1")
        checkout = await repositories.fetch("lab")
        assert checkout.settings is not None
        assert [one.person for one in checkout.settings.signers] == ["max"]
        setting.playbooks.commit({"site.yml": "[]\n"}, key=second)
        assert (await repositories.fetch("lab")).problems == ()
        setting.playbooks.commit({"site.yml": "- {}\n"}, key=setting.key)
        assert "may not sign" in (await repositories.fetch("lab")).problems[0]

    asyncio.run(story())


def test_a_node_that_starts_recalls_what_it_believed_without_asking_anybody(tmp_path: Path) -> None:
    setting = Setting.make(tmp_path)
    checkout = fetch(setting)
    setting.playbooks.folder.rename(tmp_path / "away")
    setting.vault.folder.rename(tmp_path / "away too")
    stray = setting.places.cache / "trees" / ".cut-off"
    stray.mkdir()

    async def story() -> None:
        repositories = Repositories(lambda: setting.settings, setting.places)
        assert repositories.last("lab") is None
        await repositories.recall()
        known = repositories.last("lab")
        assert known is not None
        assert (known.revision, known.playbooks) == (checkout.revision, checkout.playbooks)

    asyncio.run(story())
    assert not stray.exists()


def test_a_full_disk_is_said_and_the_believed_heads_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting.make(tmp_path)
    fetch(setting)
    heads = setting.places.database.with_name("heads.json")
    before = heads.read_text()
    setting.playbooks.commit({"site.yml": "[]\n"})

    def refuse_to_sync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("homeprod.drivers.wholefile.os.fsync", refuse_to_sync)
        assert "No space left on device" in refuse(setting).message
    assert heads.read_text() == before
    fetch(setting)
    assert heads.read_text() != before


@pytest.mark.parametrize("left", [("HEAD",), ("HEAD", "refs"), ("refs", "objects")])
def test_a_clone_that_was_killed_while_it_was_made_is_made_anew(tmp_path: Path, left: tuple[str, ...]) -> None:
    setting = Setting.make(tmp_path)
    half, draft = (setting.places.cache / "git" / name for name in ("playbooks.git", "playbooks.git.new"))
    for folder in (half, draft):
        folder.mkdir(parents=True)
        for part in left:
            (folder / part).mkdir() if part != "HEAD" else (folder / part).write_text("")
    assert fetch(setting).revision == setting.playbooks.git("rev-parse", "HEAD")
    assert not draft.exists()
