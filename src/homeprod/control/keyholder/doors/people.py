"""The people's door: what an administrator asks for at a terminal. Who asks is what the kernel says; what changes the
keyring asks for that person's passphrase once more, so that a session somebody left open is not enough."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from homeprod.control.keyholder.doors import keyring
from homeprod.control.keyholder.errors import KeyholderError, WireError
from homeprod.control.keyholder.held import vault_text
from homeprod.control.keyholder.keyholder import Keyholder
from homeprod.control.keyholder.sealed import opening
from homeprod.control.keyholder.sealed.apart import Outcome
from homeprod.control.keyholder.sockets.listener import receive_message
from homeprod.control.keyholder.sockets.peer import Peer
from homeprod.control.keyholder.sockets.refusal import describe
from homeprod.control.keyholder.sockets.wire import TEXT_LIMIT, Message, encode, wipe

SECONDS = 10.0
"""For a whole request to come: a person has typed everything before the client connects."""
_LOST = "a new recovery identity that was in it is lost: homeprod control secret rotate recovery makes another"
Verb = Callable[["PeopleDoor", str, Message], Awaitable[Outcome]]
log = logging.getLogger("homeprod.keyholder")


class PeopleDoor:
    def __init__(self, keyholder: Keyholder) -> None:
        self._keyholder = keyholder
        self._sealed = keyholder.setting.keyring

    async def serve(self, connection: socket.socket, peer: Peer) -> None:
        """One request, one answer."""
        message = Message({})
        try:
            message = await receive_message(connection, SECONDS)
            outcome = await self._act(message, peer)
            try:
                answer = encode({"ok": True, **outcome.fields}, outcome.raw)
            finally:
                outcome.wipe()
        except TimeoutError:
            return  # it said nothing in time
        except Exception as error:  # noqa: BLE001 (whatever it is, the person is told and the door stays)
            answer = encode(describe(error))
            log.info("%r for %s: refused", message.fields.get("verb"), peer.name)
        finally:
            message.wipe()
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(connection, answer), SECONDS)
        except OSError:
            log.warning("%r for %s: nobody took the answer (%s)", message.fields.get("verb"), peer.name, _LOST)
            raise
        finally:
            wipe(answer)
            if self._keyholder.leave():
                # Whoever locked sees the end of the connection when the process is gone, and its memory with it.
                await asyncio.Event().wait()

    async def _act(self, message: Message, peer: Peer) -> Outcome:
        verb = message.take_text("verb")
        if verb == "status":
            return Outcome(self._keyholder.describe())
        if verb not in VERBS:
            raise WireError(f"there is no verb {verb!r}", hint=f"there are: status, {', '.join(VERBS)}")
        person = self._authorise(peer, message.take_text("administrator"))
        return await VERBS[verb](self, person, message)

    def _authorise(self, peer: Peer, named: str) -> str:
        """The administrator who asks; root may name one. Raises KeyholderError."""
        if peer.uid == 0 and not named:
            hint = "add --administrator NAME, or run it as that person"
            raise KeyholderError("root is no administrator; say for whom this is", hint=hint, kind="DeniedError")
        person = named if peer.uid == 0 else peer.name
        if named and person != named:
            raise KeyholderError(f"{person} cannot speak for {named}", hint="log in as them", kind="DeniedError")
        known = self._keyholder.read_roster().administrators
        if person not in known:
            hint = f"the site names them: {', '.join(known) or 'nobody'}"
            message = f"{person} is no administrator of this control node"
            raise KeyholderError(message, hint=hint, kind="DeniedError")
        return person

    async def bootstrap(self, person: str, message: Message) -> Outcome:
        if self._sealed.exists():
            record = await self._keyholder.take_over(person)
            return Outcome({"taken_over": True, "public": record})
        roster, passphrase = self._keyholder.read_roster(), message.take_raw("passphrase")
        answer = await self._keyholder.create(
            person, lambda: opening.create(self._sealed, roster, person, passphrase)
        )
        return Outcome({"taken_over": False, "public": answer.fields["public"]}, answer.raw)

    async def unlock(self, person: str, message: Message) -> Outcome:
        node, passphrase = self._keyholder.read_roster().node, message.take_raw("passphrase")
        return Outcome(
            await self._keyholder.unlock(person, lambda: opening.open_all(self._sealed, node, person, passphrase))
        )

    async def lock(self, person: str, message: Message) -> Outcome:  # noqa: ARG002 (as every verb)
        await self._keyholder.lock(person)
        return Outcome({"is_ending": True})

    async def list_administrators(self, person: str, message: Message) -> Outcome:  # noqa: ARG002
        return Outcome({"administrators": self._keyholder.describe()["administrators"]})

    async def encrypt(self, person: str, message: Message) -> Outcome:
        """Vault text, as ``content``, of what came so."""
        environment, text = message.take_text("environment"), message.take_raw("content")
        password = self._keyholder.password(environment)
        if len(text) > TEXT_LIMIT:
            raise WireError(f"that has {len(text)} bytes, and {TEXT_LIMIT} are the most", hint="encrypt less at once")
        encrypted = await vault_text.encrypt(environment, password, text, self._keyholder.setting.places.runtime)
        log.info("%s had a secret of %s encrypted", person, environment)
        return Outcome({}, {"content": encrypted})

    async def re_encrypt(self, person: str, message: Message) -> Outcome:
        """Vault text of the password in force, as vault text of the one that follows it."""
        environment, text = message.take_text("environment"), message.take_raw("content")
        old, new = self._keyholder.password(environment), self._keyholder.next_password(environment)
        runtime = self._keyholder.setting.places.runtime
        plain = await vault_text.decrypt(environment, old, text, runtime)
        try:
            return Outcome({}, {"content": await vault_text.encrypt(environment, new, plain, runtime)})
        finally:
            wipe(plain)
            log.info("%s had a vault text of %s encrypted anew", person, environment)


def _in_keyring(verb: Callable[[Keyholder, str, Message], Awaitable[Outcome]]) -> Verb:
    return lambda door, person, message: verb(door._keyholder, person, message)


VERBS: dict[str, Verb] = {
    "bootstrap": PeopleDoor.bootstrap,
    "unlock": PeopleDoor.unlock,
    "lock": PeopleDoor.lock,
    "list-administrators": PeopleDoor.list_administrators,
    "encrypt": PeopleDoor.encrypt,
    "re-encrypt": PeopleDoor.re_encrypt,
    "check-passphrase": _in_keyring(keyring.check_passphrase),
    "check-new-passphrase": _in_keyring(keyring.check_new_passphrase),
    "check-identity": _in_keyring(keyring.check_identity),
    "add-administrator": _in_keyring(keyring.add_administrator),
    "remove-administrator": _in_keyring(keyring.remove_administrator),
    "change-passphrase": _in_keyring(keyring.change_passphrase),
    "add-environment": _in_keyring(keyring.add_environment),
    "make-authority": _in_keyring(keyring.make_authority),
    "rotate": _in_keyring(keyring.rotate),
    "renew-recovery": _in_keyring(keyring.renew_recovery),
    "back-up": _in_keyring(keyring.back_up),
    "restore": _in_keyring(keyring.restore),
    "recover": _in_keyring(keyring.recover),
}
