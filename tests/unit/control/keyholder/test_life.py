"""The states as a real process goes through them, with real age files and real ssh-agents."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from tests.conftest import Figure
from tests.keyholder_node import ME, PASSPHRASE, Disk, KeyholderNode, speaks_for_others
from tests.light_scrypt import LightWrapping
from tests.system.canary import Canary, Search

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.standing import find_machine_file
from homeprod.control.keyring.keyring import Keyring

pytestmark = pytest.mark.slow

OTHER_MACHINE = "fedcba9876543210fedcba9876543210\n"


def test_a_node_goes_from_new_to_ready_and_back(figure: Figure) -> None:
    with KeyholderNode() as node:
        assert node.start().state() == "New"
        public = node.ask("bootstrap", passphrase=PASSPHRASE).fields["public"]
        assert node.state() == "Locked"
        assert json.loads(node.places.public_file.read_text()) == public
        begun = time.perf_counter()
        node.ask("unlock", passphrase=PASSPHRASE)
        figure(f"keyholder: unlock {time.perf_counter() - begun:.2f} s")
        assert node.state() == "Ready"
        assert public["fingerprints"]["ansible-lab"] in node.read_agent("lab")
        begun = time.perf_counter()
        node.ask("lock")
        figure(f"keyholder: lock {(time.perf_counter() - begun) * 1000:.0f} ms")
        assert node.list_agents() == []
        assert node.wait() == 0
        assert not node.places.agent_socket("lab").exists()
        assert not node.places.vault_socket("lab").exists()
        assert node.start().state() == "Locked"


@pytest.mark.parametrize("refused", ["unlock", "lock"])
def test_what_a_new_node_cannot_do_changes_nothing(refused: str) -> None:
    with KeyholderNode() as node:
        check_refused(node.start(), refused)


@pytest.mark.parametrize("refused", ["bootstrap", "lock"])
def test_what_a_locked_node_cannot_do_changes_nothing(node: KeyholderNode, refused: str) -> None:
    check_refused(node.start(), refused)


def test_what_a_ready_node_cannot_do_changes_nothing(node: KeyholderNode, disk: Disk) -> None:
    node.make_ready()
    for refused in ("bootstrap", "unlock"):
        check_refused(node, refused)
    fingerprints = disk.public["fingerprints"]
    held = {name: node.read_agent(name) for name in ("lab", "prod", "deploy")}
    assert {name: [title for title in fingerprints if fingerprints[title] in held[name]] for name in held} == {
        "lab": ["ansible-lab"],
        "prod": ["ansible-prod"],
        "deploy": ["deploy-playbooks", "deploy-vault"],
    }


def check_refused(node: KeyholderNode, verb: str) -> None:
    before = node.client.ask("status").fields
    with pytest.raises(KeyholderError, match=f"cannot {verb} a control node that is {before['state']}"):
        node.ask(verb, passphrase=PASSPHRASE)
    assert node.client.ask("status").fields == before


def test_a_machine_made_again_takes_the_keyring_over(node: KeyholderNode, disk: Disk) -> None:
    node.machine_file.write_text(OTHER_MACHINE)
    status = node.start().client.ask("status").fields
    assert (status["state"], status["has_keyring"]) == ("New", True)
    assert "which an earlier machine left" in node.log.read_text()
    check_refused(node, "unlock")
    answer = node.ask("bootstrap").fields
    assert (answer["taken_over"], answer["public"]) == (True, disk.public)
    assert node.state() == "Locked"
    node.ask("unlock", passphrase=PASSPHRASE)
    assert disk.public["fingerprints"]["ansible-lab"] in node.read_agent("lab")


def test_a_mark_of_the_machine_that_is_damaged_ends_nothing(node: KeyholderNode) -> None:
    find_machine_file(node.places).write_bytes(b"\xff\xfe\n")
    assert node.start().state() == "New"
    node.ask("bootstrap")
    assert node.state() == "Locked"


def test_another_nodes_disk_is_not_taken_over(node: KeyholderNode) -> None:
    node.machine_file.write_text(OTHER_MACHINE)
    node.settle(node="prod-ansible")
    node.start()
    with pytest.raises(KeyholderError, match="the keyring on this disk is lab-ansible's, not prod-ansible's"):
        node.ask("bootstrap")
    assert node.state() == "New"


def test_another_nodes_keyring_is_not_unlocked_though_its_public_file_is_gone(node: KeyholderNode) -> None:
    node.settle(node="prod-ansible")
    node.places.public_file.unlink()
    node.start()
    with pytest.raises(KeyholderError, match="lab-ansible's, not prod-ansible's"):
        node.ask("unlock", passphrase=PASSPHRASE)
    assert node.state() == "Locked"


def test_agents_die_with_a_keyholder_that_is_killed(node: KeyholderNode) -> None:
    node.make_ready()
    assert len(node.list_agents()) == 3
    assert node.process is not None
    node.process.kill()
    node.wait()
    node.await_no_agents()
    assert node.start().state() == "Locked"


def test_sigterm_ends_all(node: KeyholderNode) -> None:
    node.make_ready()
    assert node.process is not None
    node.process.terminate()
    assert node.wait() == 0
    assert node.list_agents() == []


def test_an_agent_that_dies_locks_the_node(node: KeyholderNode) -> None:
    node.make_ready()
    os.kill(node.list_agents()[0], signal.SIGKILL)
    assert node.wait() == 0
    assert "so the node is locked" in node.log.read_text()
    assert node.list_agents() == []


def test_a_change_whose_keys_no_agent_takes_is_made_and_locks_the_node(node: KeyholderNode) -> None:
    node.make_ready()
    node.places.agent_socket("lab").unlink()
    with pytest.raises(KeyholderError) as caught:
        node.ask("rotate", what="lab/ssh-key", step="begin", passphrase=PASSPHRASE)
    assert "the keyring on the disk is changed, and the node is locked" in caught.value.hint
    assert node.wait() == 0
    node.await_no_agents()
    node.start().ask("unlock", passphrase=PASSPHRASE)
    assert len(node.read_agent("lab").splitlines()) == 2, "the old key, and the one that follows it"


def test_an_unlock_that_cannot_start_its_agents_leaves_nothing_open(node: KeyholderNode) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives an agent away")
    node.settle(environments=[{"name": "lab", "user": ME}, {"name": "prod", "user": "nobody-of-that-name"}])
    node.start()
    with pytest.raises(KeyholderError, match="there is no Unix user nobody-of-that-name"):
        node.ask("unlock", passphrase=PASSPHRASE)
    assert node.state() == "Locked"
    assert node.list_agents() == []


def test_an_environment_that_the_keyring_does_not_know_is_told(node: KeyholderNode) -> None:
    node.settle(environments=[{"name": name, "user": ME} for name in ("lab", "prod", "stage")])
    node.start()
    assert node.ask("unlock", passphrase=PASSPHRASE).fields["missing"] == ["stage"]
    public = node.ask("add-environment", environment="stage", passphrase=PASSPHRASE).fields["public"]
    assert public["fingerprints"]["ansible-stage"] in node.read_agent("stage")


def test_two_keyholders_of_one_node_are_one_too_many(node: KeyholderNode) -> None:
    node.start()
    first = node.process
    assert first is not None
    try:
        node.start()
        assert node.wait() == 1
        assert "another keyholder runs already" in node.log.read_text()
        assert node.state() == "Locked"
    finally:
        first.kill()
        first.wait()


def test_a_disk_that_takes_no_more_hides_no_recovery_identity() -> None:
    with KeyholderNode() as new:
        for name in (".public.json.new", ".machine.new"):
            (new.places.persistent / name).mkdir()  # where the draft of a file would be written
        new.start()
        assert new.ask("bootstrap", passphrase=PASSPHRASE).raw["identity"].startswith(b"AGE-SECRET-KEY-1")
        assert new.state() == "Locked"
        log = new.log.read_text()
        assert "the public record is not up to date" in log
        assert "after a restart it wants to be bootstrapped again" in log


@speaks_for_others
def test_of_a_recovery_identity_that_was_printed_the_keyholder_keeps_nothing() -> None:
    with KeyholderNode() as new:
        new.start()
        made = new.ask("bootstrap", passphrase=PASSPHRASE).raw["identity"]
        made_again = new.ask("renew-recovery", passphrase=PASSPHRASE).raw["identity"]
        identities = [
            Canary(f"{len(one)}", bytes(one).removeprefix(b"AGE-SECRET-KEY-1")) for one in (made, made_again)
        ]
        assert new.process is not None
        assert Search(identities).find_in_process(new.process.pid) == set()
        assert Search(identities).find_in_process(os.getpid()) != set(), "the search is able to find"


@speaks_for_others
def test_an_unlock_that_fails_half_way_leaves_no_password_in_memory(node: KeyholderNode) -> None:
    secrets = Keyring(node.places.keyring_folder, wrapping=LightWrapping()).open(ME, PASSPHRASE)
    passwords = [Canary(name, bytes(secrets.vault_password(name))) for name in ("lab", "prod")]
    node.start()
    for name in ("lab", "prod"):
        hindrance = node.places.agent_socket(name) / "in the way"
        hindrance.mkdir(parents=True)
        with pytest.raises(KeyholderError):
            node.ask("unlock", passphrase=PASSPHRASE)
        assert node.state() == "Locked"
        node.await_no_agents()
        assert node.process is not None
        assert Search(passwords).find_in_process(node.process.pid) == set()
        hindrance.rmdir()
        hindrance.parent.rmdir()
    node.ask("unlock", passphrase=PASSPHRASE)
    assert {one.canary for one in Search(passwords).find_in_process(node.process.pid)} == {"lab", "prod"}


def test_a_public_record_that_was_lost_is_written_at_the_next_unlock(node: KeyholderNode, disk: Disk) -> None:
    node.places.public_file.unlink()
    node.make_ready()
    assert json.loads(node.places.public_file.read_text()) == disk.public
