"""What is not signed, or not by who may, or meant for another place, changes nothing and is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.kept_host import KeptHost, compose


def change_nothing(host: KeptHost, words: str) -> None:
    before = host.list_running()
    applied = host.read_status()["apps"]["wiki"]["applied"]
    wiki = host.run(1)["apps"]["wiki"]
    assert (wiki["state"], wiki["applied"], wiki["verified"]) == ("refused", applied, "zoe")
    assert re.search(words, wiki["problem"])
    assert host.list_running() == before


def test_commits_that_are_not_believed(host: KeptHost) -> None:
    good = host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    host.publish("wiki", compose(note="a"), key="", parent=good)
    change_nothing(host, "is not signed")
    host.publish("wiki", compose(note="b"), key=host.stranger, parent=good)
    change_nothing(host, r"is signed by a key that may not sign \(SHA256:")
    forge(host, host.publish("wiki", compose(note="c"), parent=good))
    change_nothing(host, "has a signature that is not right")
    host.publish("wiki", compose(note="d"), parent="")
    change_nothing(host, "does not come after .*: a forced push")
    word = "lab-coder: publish clock\n\nclock: tick\n\nHomeprod-Source: 0123\n"
    host.publish("wiki", compose(note="e"), word=word, parent=good)
    change_nothing(host, "was published for deploy/lab-coder/clock, and stands on deploy/lab-coder/wiki")
    host.repository.drop("deploy/lab-coder/wiki")
    change_nothing(host, "there is no branch deploy/lab-coder/wiki any more")
    newer = host.publish("wiki", compose(note="f"), parent=good)
    assert host.run()["apps"]["wiki"]["applied"] == newer


def forge(host: KeptHost, commit: str) -> None:
    """The same signature under another word."""
    text = host.repository.ask("cat-file", "commit", commit)
    changed = host.repository.ask("hash-object", "-t", "commit", "-w", "--stdin", given=f"{text} forged\n")
    host.repository.ask("update-ref", "refs/heads/deploy/lab-coder/wiki", changed)


def test_a_rewritten_branch_is_taken_when_a_person_says_so(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    other = host.publish("wiki", compose(note="rewritten"), parent="")
    host.run(1)
    assert host.call("accept", "deploy/lab-coder/wiki").returncode == 0
    assert host.run()["apps"]["wiki"]["applied"] == other


def test_a_configuration_that_is_not_believed(host: KeptHost) -> None:
    host.publish("wiki", compose())
    first = host.configure({"wiki": {}})
    host.run()
    before = host.list_running()
    host.configure({"wiki": {"enabled": False}}, key=host.stranger)
    told = host.run(1)["configuration"]
    assert (told["state"], told["applied"]) == ("refused", first)
    assert host.list_running() == before


def test_another_repository_has_its_own_policy(host: KeptHost) -> None:
    """The site's own people sign nothing there, and whoever signs there signs nothing here."""
    other = type(host.repository)(host.folder / "other.git", host.stranger)
    other.publish("main", compose())
    url = f"file://{host.inside}/other.git"
    host.configure({"wiki": {"url": url, "branch": "main"}})
    wiki = host.run(1)["apps"]["wiki"]
    assert "may not sign" in wiki["problem"]
    public = " ".join(Path(f"{host.stranger}.pub").read_text().split()[:2])
    (host.folder / "others").write_text(f"sean {public}\n")
    host.settings["policies"] = {url: {"signers": f"{host.inside}/others"}}
    assert host.run()["apps"]["wiki"]["verified"] == "sean"
    assert host.call("verify").returncode == 0
    (host.folder / "others").write_text("")
    done = host.call("verify")
    assert done.returncode == 1
    assert "may not sign" in done.stdout


def test_signatures_may_be_off(host: KeptHost) -> None:
    host.settings["policy"] = {"signatures": "off"}
    host.publish("wiki", compose(), key="")
    host.configure({"wiki": {}}, key="")
    assert host.run()["apps"]["wiki"]["verified"] == "nobody: signatures are off"


@pytest.fixture
def openpgp(host: KeptHost) -> KeptHost:
    """Two keys, of whom zoe may sign; the settings know no SSH key."""
    script = (
        'set -e; export GNUPGHOME="$1/gnupg"; mkdir -m 700 "$GNUPGHOME"; cd "$1"; '
        "for who in zoe stranger; do "
        "gpg --batch --quiet --passphrase '' --quick-gen-key $who ed25519 sign never; done; "
        "gpg --armor --export zoe >keyring.asc"
    )
    host.machine.run("sh", "-c", script, "sh", host.inside)
    host.settings["policy"] = {"keyring": f"{host.inside}/keyring.asc"}
    host.repository.key = ""
    return host


def test_openpgp_signatures_count_as_well(openpgp: KeptHost) -> None:
    host = openpgp
    for branch, text in (("wiki", compose()), ("_config", configure_wiki(host))):
        sign(host, host.publish(branch, text), branch, "zoe")
    assert re.fullmatch(r"zoe \([0-9A-F]{16}\)", host.run()["apps"]["wiki"]["verified"])
    sign(host, host.publish("wiki", compose(note="x")), "wiki", "stranger")
    wiki = host.run(1)["apps"]["wiki"]
    assert "is signed by a key that may not sign" in wiki["problem"]
    host.publish("wiki", compose(note="y"), key=host.stranger, parent=wiki["applied"])
    assert "is signed by SSH, and nobody may sign so here" in host.run(1)["apps"]["wiki"]["problem"]


def configure_wiki(host: KeptHost) -> dict[str, str]:
    url = host.settings["repository"]
    return {"_harbormaster.yml": f"apps: {{wiki: {{url: '{url}', branch: deploy/lab-coder/wiki}}}}\n"}


def sign(host: KeptHost, commit: str, branch: str, who: str) -> None:
    """The same commit again, by gpg, where gpg is."""
    script = (
        'set -e; export GNUPGHOME="$1/gnupg" GIT_DIR="$1/apps.git" GIT_COMMITTER_NAME=zoe GIT_AUTHOR_NAME=zoe; '
        "export GIT_COMMITTER_EMAIL=zoe@example.com GIT_AUTHOR_EMAIL=zoe@example.com; "
        'parents=$(git log -1 --format=%P "$2"); '
        'new=$(git commit-tree -S"$4" ${parents:+-p $parents} -m word "$2^{tree}"); '
        'git update-ref "refs/heads/deploy/lab-coder/$3" "$new"'
    )
    host.machine.run("sh", "-c", script, "sh", host.inside, commit, branch, who)
