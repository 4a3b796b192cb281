"""What is asked of the keyring. All of it runs apart: see :mod:`homeprod.control.keyholder.sealed.apart`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeprod.control.keyholder.roster import DEPLOY, Roster
from homeprod.control.keyholder.sealed.apart import Outcome
from homeprod.control.keyholder.sealed.public import make_record
from homeprod.control.keyholder.sockets.wire import Message
from homeprod.core.errors import ControlError
from homeprod.core.extras import advise_install

if TYPE_CHECKING:
    from homeprod.control.keyring.keyring import Keyring
    from homeprod.control.keyring.secrets import Secrets

SSH_KEY, PASSWORD, NEXT_PASSWORD, AUTHORITY = "ssh-key", "password", "next-password", "authority"


def find_keyring(folder: Path) -> Keyring:
    """Imported late, so that `--help` is quick. Raises ControlError where age is not installed."""
    try:
        from homeprod.control.keyring.keyring import Keyring
    except ImportError as error:
        message = f"the keyholder is not installed ({error.name} missing)"
        raise ControlError(message, hint=advise_install("control")) from error

    return Keyring(folder)


def create(keyring: Keyring, roster: Roster, person: str, passphrase: bytearray) -> Outcome:
    """The public record, and as ``identity`` the recovery identity, which is kept nowhere."""
    from homeprod.control.keyring.secrets import make_secrets

    secrets = make_secrets(roster.node, roster.environments)
    identity = keyring.create(secrets, person, passphrase)
    return Outcome({"public": describe_public(secrets)}, {"identity": identity.encode()})


def describe_public(secrets: Secrets) -> dict[str, Any]:
    from homeprod.control.keyring.secrets import public_keys

    return make_record(secrets.node, public_keys(secrets), _list_roots(secrets))


def _list_roots(secrets: Secrets) -> dict[str, str]:
    """What clients are given, of each environment that has an authority."""
    kept = {name: secrets.authority(name) for name in secrets.environments}
    if not any(kept.values()):
        return {}
    from homeprod.network.certificates.authority import Authority

    return {name: Authority.parse(bytes(one)).root for name, one in kept.items() if one is not None}


def open_for(keyring: Keyring, node: str, person: str, passphrase: bytearray) -> Secrets:
    """Raises ControlError; where it is another node's keyring too."""
    return check_node(keyring.open(person, passphrase), node)


def open_recovered(keyring: Keyring, node: str, identity: bytearray) -> Secrets:
    """The same with the recovery identity."""
    return check_node(keyring.open_with_identity(identity.decode("ascii", "replace")), node)


def check(_: Secrets) -> Outcome:
    """That it opened is all that is asked."""
    return Outcome({})


def check_new(passphrase: bytearray, words: list[str]) -> Outcome:
    """Raises ControlError where it is too weak; ``words`` are such that anybody would try."""
    from homeprod.control.keyring.hidden import Covered
    from homeprod.control.keyring.passphrase import read_new_passphrase

    read_new_passphrase(Covered(passphrase), words)
    return Outcome({})


def check_node(secrets: Secrets, node: str) -> Secrets:
    """Raises ControlError where they are another node's."""
    if secrets.node != node:
        hint = "the wrong data disk is attached: see which data VM owns it, in the site"
        raise ControlError(f"the keyring on this disk is {secrets.node}'s, not {node}'s", hint=hint)
    return secrets


def open_all(keyring: Keyring, node: str, person: str, passphrase: bytearray) -> Outcome:
    """All that a Ready node holds, for :func:`list_parts`."""
    return pack(open_for(keyring, node, person, passphrase))


def pack(secrets: Secrets) -> Outcome:
    """Each part behind the other in ``content``; ``parts`` says which is which."""
    parts: list[tuple[str, str, bytearray]] = [(SSH_KEY, DEPLOY, key) for key in secrets.deploy_keys()]
    for name in secrets.environments:
        parts += [(SSH_KEY, name, key) for key in secrets.ssh_keys(name)]
        parts.append((PASSWORD, name, secrets.vault_password(name)))
        successor = secrets.reveal_next(f"{name}/vault-password")
        parts += [] if successor is None else [(NEXT_PASSWORD, name, successor)]
        authority = secrets.authority(name)
        parts += [] if authority is None else [(AUTHORITY, name, authority)]
    fields = {
        "public": describe_public(secrets),
        "parts": [(kind, name, len(part)) for kind, name, part in parts],
    }
    return Outcome(fields, {"content": bytearray().join(part for *_, part in parts)})


def list_parts(answer: Message) -> dict[tuple[str, str], list[bytearray]]:
    """By kind and name, out of what :func:`pack` made."""
    parts: dict[tuple[str, str], list[bytearray]] = {}
    start = 0
    for kind, name, length in answer.fields["parts"]:
        parts.setdefault((kind, name), []).append(answer.raw["content"][start : start + length])
        start += length
    return parts


def change(work: Callable[[Secrets], Any], secrets: Secrets) -> Outcome:
    """All that a Ready node holds after the work; ``result`` is what that gives back."""
    result = work(secrets)
    outcome = pack(secrets)
    outcome.fields["result"] = result
    return outcome
