"""What an administrator changes in the keyring, through the keyholder: Locked and Ready."""

from __future__ import annotations

import pytest
from tests.keyholder_node import ME, PASSPHRASE, Disk, KeyholderNode, speaks_for_others

from homeprod.control.keyholder.errors import KeyholderError

pytestmark = pytest.mark.slow

SEANS = b"violin meadow copper tunnel basil"


@speaks_for_others
def test_an_administrator_is_added_and_another_removed(node: KeyholderNode) -> None:
    node.start()
    answer = node.ask("add-administrator", name="sean", passphrase=PASSPHRASE, new_passphrase=SEANS)
    assert answer.fields["is_listed"] is True
    node.ask("unlock", administrator="sean", passphrase=SEANS)
    answer = node.ask("remove-administrator", administrator="sean", name=ME, passphrase=SEANS)
    assert "lab/ssh-key" in answer.fields["result"]
    assert node.ask("list-administrators").fields["administrators"] == ["sean"]
    with pytest.raises(KeyholderError, match="sean is the last administrator"):
        node.ask("remove-administrator", administrator="sean", name="sean", passphrase=SEANS)


def test_every_change_asks_for_the_persons_own_passphrase(node: KeyholderNode) -> None:
    node.make_ready()
    verbs = {
        "add-administrator": {"name": "sean", "new_passphrase": SEANS},
        "remove-administrator": {"name": ME},
        "change-passphrase": {"new_passphrase": SEANS},
        "rotate": {"what": "all", "step": "begin"},
        "renew-recovery": {},
    }
    for verb, options in verbs.items():
        with pytest.raises(KeyholderError, match="the request has no passphrase"):
            node.ask(verb, **options)
        with pytest.raises(KeyholderError, match="this is not the passphrase"):
            node.ask(verb, passphrase=SEANS, **options)


def test_a_new_passphrase_that_protects_nothing_is_refused(node: KeyholderNode) -> None:
    node.start()
    for unfit in (b"", b"short", b"passwordpassword", b"\xff" * 20):
        with pytest.raises(KeyholderError) as caught:
            node.ask("change-passphrase", passphrase=PASSPHRASE, new_passphrase=unfit)
        assert caught.value.kind == "UnfitPassphraseError"
    node.ask("unlock", passphrase=PASSPHRASE)


def test_a_rotated_ssh_key_is_in_the_agent_beside_the_old_one_until_it_is_finished(
    node: KeyholderNode, disk: Disk
) -> None:
    node.make_ready()
    old = disk.public["fingerprints"]["ansible-lab"]
    public = node.ask("rotate", what="lab/ssh-key", step="begin", passphrase=PASSPHRASE).fields["public"]
    new = public["fingerprints"]["ansible-lab.next"]
    assert [key in node.read_agent("lab") for key in (old, new)] == [True, True]
    public = node.ask("rotate", what="lab/ssh-key", step="finish", passphrase=PASSPHRASE).fields["public"]
    assert public["fingerprints"]["ansible-lab"] == new
    assert [key in node.read_agent("lab") for key in (old, new)] == [False, True]
    with pytest.raises(KeyholderError, match="no rotation of lab/ssh-key has been begun"):
        node.ask("rotate", what="lab/ssh-key", step="drop", passphrase=PASSPHRASE)
    with pytest.raises(KeyholderError, match="a rotation has no step 'x'"):
        node.ask("rotate", what="lab/ssh-key", step="x", passphrase=PASSPHRASE)


def test_a_back_up_brings_a_new_machine_what_was_lost(node: KeyholderNode, disk: Disk) -> None:
    node.start()
    content = bytes(node.ask("back-up").raw["content"])
    with KeyholderNode() as other:
        other.start()
        with pytest.raises(KeyholderError, match="damaged"):
            other.ask("restore", content=content[:3000])
        assert other.state() == "New"
        assert other.ask("restore", content=content).fields["administrators"] == [ME]
        assert other.state() == "Locked"
        assert other.ask("unlock", passphrase=PASSPHRASE).fields["public"] == disk.public
        with pytest.raises(KeyholderError, match="the control node is Ready, and this needs New or Locked"):
            other.ask("restore", content=content)


def test_an_older_back_up_is_restored_by_force_alone(node: KeyholderNode) -> None:
    node.start()
    content = bytes(node.ask("back-up").raw["content"])
    node.ask("rotate", what="deploy/vault", step="begin", passphrase=PASSPHRASE)
    with pytest.raises(KeyholderError, match="older"):
        node.ask("restore", content=content)
    node.ask("restore", content=content, force=True)
    node.ask("unlock", passphrase=PASSPHRASE)


def test_another_nodes_back_up_is_refused(node: KeyholderNode) -> None:
    content = bytes(node.start().ask("back-up").raw["content"])
    with KeyholderNode(node="prod-ansible") as other:
        other.start()
        with pytest.raises(KeyholderError, match="the back-up is of lab-ansible, and this is prod-ansible"):
            other.ask("restore", content=content, force=True)
        assert other.client.ask("status").fields["has_keyring"] is False
