"""Holdings: who is to hold what of an opened keyring. What nobody is to hold is zeroed at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homeprod.control.keyholder.roster import DEPLOY, Roster
from homeprod.control.keyholder.sealed.opening import AUTHORITY, NEXT_PASSWORD, PASSWORD, SSH_KEY, list_parts
from homeprod.control.keyholder.sockets.peer import User, find_user
from homeprod.control.keyholder.sockets.wire import Message, wipe

Parts = dict[tuple[str, str], list[bytearray]]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one agent holds, and what one vault socket answers: nothing for git's. While a vault password is being
    rotated there is the next one too, which nobody but an administrator's re-encryption is given."""

    name: str
    user: User
    keys: list[bytearray]
    password: bytearray | None = None
    next_password: bytearray | None = None
    authority: bytearray | None = None
    """What signs for the environment's names that are not public; nobody is given it."""

    def wipe_but(self, held: Iterable[bytearray]) -> None:
        """The keys, and of the rest what is none of ``held``."""
        kept = {id(one) for one in held}
        for part in (*self.keys, self.password, self.next_password, self.authority):
            if part is not None and id(part) not in kept:
                wipe(part)


def plan_holdings(answer: Message, roster: Roster, daemon_user: str) -> tuple[list[Holding], list[str]]:
    """And the environments that the keyring has no keys for. Raises ControlError where a user is missing."""
    parts = list_parts(answer)
    try:
        users = {name: find_user(user) for name, user in roster.environments.items()}
        daemon = find_user(daemon_user)
        known = [name for name in users if (PASSWORD, name) in parts]
        holdings = [_take(parts, name, users[name]) for name in known]
        holdings.append(Holding(DEPLOY, daemon, parts.pop((SSH_KEY, DEPLOY))))
        return holdings, [name for name in users if name not in known]
    finally:
        for left in parts.values():
            for part in left:
                wipe(part)


def _take(parts: Parts, name: str, user: User) -> Holding:
    [password] = parts.pop((PASSWORD, name))
    [next_password] = parts.pop((NEXT_PASSWORD, name), [None])
    [authority] = parts.pop((AUTHORITY, name), [None])
    return Holding(name, user, parts.pop((SSH_KEY, name)), password, next_password, authority)
