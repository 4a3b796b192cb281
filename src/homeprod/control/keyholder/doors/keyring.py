"""What an administrator changes in the keyring through the keyholder. Each opens it with that person's passphrase
(recovering: with the recovery identity), Locked or Ready."""

from __future__ import annotations

import logging
import secrets as randomness
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeprod.control.keyholder.errors import KeyholderError, WireError
from homeprod.control.keyholder.keyholder import Keyholder
from homeprod.control.keyholder.sealed import opening
from homeprod.control.keyholder.sealed.apart import Outcome, work_apart
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.control.state import NodeState
from homeprod.core.errors import HomeprodError
from homeprod.core.hostname import HostName

if TYPE_CHECKING:
    from homeprod.control.keyring.secrets import Secrets

Work = Callable[["Secrets"], Any]
log = logging.getLogger("homeprod.keyholder")


async def change(keyholder: Keyholder, person: str, message: Message, work: Work, deed: str) -> Outcome:
    """``result`` is what the work gives back, and ``identity`` a new recovery identity, where it makes one."""
    keyring, node = keyholder.setting.keyring, keyholder.read_roster().node
    passphrase = message.take_raw("passphrase")
    answer = await keyholder.change(
        person, lambda: opening.change(work, opening.open_for(keyring, node, person, passphrase))
    )
    return _finish(answer, person, deed)


def _finish(answer: Message, person: str, deed: str) -> Outcome:
    """What a person may see of it."""
    log.info("%s %s", person, deed)
    identity = {"identity": answer.raw["identity"]} if "identity" in answer.raw else {}
    return Outcome({"result": answer.fields["result"], "public": answer.fields["public"]}, identity)


async def check_passphrase(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """Whether it is the person's, told before they type what comes after it. Raises KeyholderError."""
    keyholder.require(NodeState.LOCKED, NodeState.READY)
    keyring, node, passphrase = (
        keyholder.setting.keyring,
        keyholder.read_roster().node,
        message.take_raw("passphrase"),
    )
    await keyholder.open_apart(person, lambda: opening.check(opening.open_for(keyring, node, person, passphrase)))
    return Outcome({})


async def check_new_passphrase(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """Whether it would be taken for ``name``'s, or the person's own. Raises KeyholderError."""
    roster, new = keyholder.read_roster(), message.take_raw("new_passphrase")
    words = [str(message.fields.get("name", person)), roster.node, *roster.environments]
    await work_apart(lambda: opening.check_new(new, words))
    return Outcome({})


async def check_identity(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """Whether this recovery identity opens the keyring. Raises KeyholderError."""
    keyholder.require(NodeState.LOCKED, NodeState.READY)
    keyring, node, identity = keyholder.setting.keyring, keyholder.read_roster().node, message.take_raw("identity")
    await keyholder.open_apart(person, lambda: opening.check(opening.open_recovered(keyring, node, identity)))
    return Outcome({})


async def add_administrator(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """``is_listed``: whether the site lets the person speak to this node."""
    keyring, name, passphrase = (
        keyholder.setting.keyring,
        message.take_text("name"),
        message.take_raw("new_passphrase"),
    )
    replaces = message.fields.get("replaces") is True

    def add(opened: Secrets) -> None:
        keyring.add_administrator(opened, name, passphrase, replaces=replaces)

    outcome = await change(keyholder, person, message, add, f"made {name} an administrator")
    outcome.fields["is_listed"] = name in keyholder.read_roster().administrators
    return outcome


async def remove_administrator(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """``result`` names the secrets that the person could have read."""
    keyring, name = keyholder.setting.keyring, message.take_text("name")
    deed = f"removed the administrator {name}"
    return await change(keyholder, person, message, lambda opened: keyring.remove_administrator(opened, name), deed)


async def change_passphrase(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """The person's own."""
    keyring = keyholder.setting.keyring
    old, new = message.take_raw("passphrase"), message.take_raw("new_passphrase")

    def renew() -> Outcome:
        return opening.change(_nothing, keyring.change_passphrase(person, old, new))

    return _finish(await keyholder.change(person, renew), person, "changed their passphrase")


def _nothing(_: Secrets) -> None:
    return None


async def add_environment(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """Keys for an environment that the site has got since the keyring was made."""
    keyring, name, roster = keyholder.setting.keyring, message.take_text("environment"), keyholder.read_roster()
    if name not in roster.environments:
        known = ", ".join(roster.environments) or "none"
        raise KeyholderError(f"the site has no environment {name} on this node", hint=f"it has: {known}")
    deed = f"made keys for {name}"
    return await change(keyholder, person, message, lambda opened: keyring.add_environment(opened, name), deed)


async def make_authority(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """For an environment's names that are not public, below ``zones``; in place of the one that there was. Its root
    stands in the public record."""
    keyring, name, zones = keyholder.setting.keyring, message.take_text("environment"), _take_zones(message)
    title = f"homeprod {keyholder.read_roster().node} {name}"

    def make(opened: Secrets) -> None:
        from homeprod.control.keyring.hidden import Hidden
        from homeprod.network.certificates.authority import make_authority

        made = make_authority(title, zones, datetime.now(UTC))
        keyring.put_authority(opened, name, Hidden(made.render().decode()))

    return await change(keyholder, person, message, make, f"made an authority of {name}, for {', '.join(zones)}")


def _take_zones(message: Message) -> list[str]:
    """Raises WireError where it is no list of zones."""
    zones = message.fields.get("zones")
    try:
        return [HostName.parse(zone) for zone in zones] if isinstance(zones, list) else []
    except ValueError as error:
        raise WireError(str(error), hint="a zone is a name: home.arpa") from None


async def rotate(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """``step`` is begin, finish or drop. ``result`` names the secrets whose successors are not in force yet."""
    keyring, what, step = keyholder.setting.keyring, message.take_text("what"), message.take_text("step")
    steps = {"begin": keyring.rotate, "finish": keyring.finish_rotation, "drop": keyring.drop_rotation}
    if step not in steps:
        raise KeyholderError(f"a rotation has no step {step!r}", hint=f"it has: {', '.join(steps)}")

    def turn(opened: Secrets) -> list[str]:
        return steps[step](opened, what).pending()

    return await change(keyholder, person, message, turn, f"rotated {what}: {step}")


async def renew_recovery(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """Another recovery identity, as ``identity``; the one before opens nothing any more."""
    keyring, node = keyholder.setting.keyring, keyholder.read_roster().node
    passphrase = message.take_raw("passphrase")

    def renew() -> Outcome:
        opened = opening.open_for(keyring, node, person, passphrase)
        identity = keyring.renew_recovery(opened).encode()
        outcome = opening.change(_nothing, opened)
        return Outcome(outcome.fields, {**outcome.raw, "identity": identity})

    return _finish(await keyholder.change(person, renew), person, "made another recovery identity")


async def recover(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """With the recovery identity in place of a passphrase: the person gets a new one."""
    keyring, node = keyholder.setting.keyring, keyholder.read_roster().node
    identity, new = message.take_raw("identity"), message.take_raw("new_passphrase")

    def renew() -> Outcome:
        opened = opening.open_recovered(keyring, node, identity)
        return opening.change(lambda one: keyring.add_administrator(one, person, new, replaces=True), opened)

    return _finish(await keyholder.change(person, renew), person, "recovered, with the recovery identity")


async def back_up(keyholder: Keyholder, person: str, message: Message) -> Outcome:  # noqa: ARG001 (as every verb)
    """The keyring as one file, as ``content``: sealed as it is."""
    with _draft(keyholder) as file:
        keyholder.setting.keyring.back_up(file)
        content = file.read_bytes()
    log.info("%s took a back-up of the keyring", person)
    return Outcome({}, {"content": content})


async def restore(keyholder: Keyholder, person: str, message: Message) -> Outcome:
    """A back-up in the place of what is there, New or Locked; ``administrators`` can open it."""
    keyring, node = keyholder.setting.keyring, keyholder.read_roster().node
    keyholder.require(NodeState.NEW, NodeState.LOCKED)
    is_forced = message.fields.get("force") is True
    with _draft(keyholder) as file:
        file.write_bytes(message.take_raw("content"))
        _check_node(file, node)
        label = keyring.restore(file, is_forced=is_forced)
    await keyholder.settle_restored(person)
    return Outcome({"administrators": sorted(label.recipients), "serial": label.serial})


def _check_node(file: Path, node: str) -> None:
    from homeprod.control.keyring import backup

    label = backup.check_whole(backup.unpack(file.read_bytes(), _WHERE), _WHERE)
    if label.node != node:
        raise KeyholderError(f"the back-up is of {label.node}, and this is {node}", hint="take one of this node's")


@contextmanager
def _draft(keyholder: Keyholder) -> Iterator[Path]:
    """Where a back-up lies on its way, in memory; what is said of it speaks of no such path."""
    file = keyholder.setting.places.runtime / f"back-up-{randomness.token_hex(8)}"
    try:
        yield file
    except HomeprodError as error:
        error.where = _WHERE if error.where == str(file) else error.where
        raise
    finally:
        file.unlink(missing_ok=True)


_WHERE = "the back-up"
