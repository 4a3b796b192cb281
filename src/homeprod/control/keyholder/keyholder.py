"""Keyholder: what its doors do, behind one state.

Whatever opens the keyring happens apart (:mod:`homeprod.control.keyholder.sealed.apart`); here are only the passwords
that vault sockets answer, and the agents' processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.held.holdings import Holding, plan_holdings
from homeprod.control.keyholder.held.opened import Opened
from homeprod.control.keyholder.held.runs import OpenRuns
from homeprod.control.keyholder.roster import Roster, read_roster
from homeprod.control.keyholder.sealed.apart import Outcome, work_apart
from homeprod.control.keyholder.sealed.patience import Patience
from homeprod.control.keyholder.sealed.public import read_record, write_record
from homeprod.control.keyholder.sockets.peer import find_user
from homeprod.control.keyholder.sockets.wire import Message, wipe
from homeprod.control.keyholder.standing import Standing, find_state, mark_machine
from homeprod.control.places import Places
from homeprod.control.state import NodeEvent, NodeState, move
from homeprod.core.errors import ControlError

if TYPE_CHECKING:
    from homeprod.control.keyring.keyring import Keyring

log = logging.getLogger("homeprod.keyholder")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a keyholder works: ``machine`` is systemd's id of this machine, ``daemon_user`` the one git runs as."""

    places: Places
    settings: Path
    machine: str
    daemon_user: str
    keyring: Keyring


class Keyholder:
    def __init__(self, setting: Setting, patience: Patience) -> None:
        self.setting = setting
        self.standing = Standing(find_state(setting.places, setting.keyring.exists(), setting.machine))
        self.runs = OpenRuns()
        self.ended = asyncio.Event()
        self._opened: Opened | None = None
        self._patience = patience
        self._changing = asyncio.Lock()
        self._is_over = False

    def read_roster(self) -> Roster:
        """Anew each time: an apply may have changed it."""
        return read_roster(self.setting.settings)

    def describe(self) -> dict[str, Any]:
        """The state for people and for the daemon, whatever the disk is like; nothing secret."""
        facts: dict[str, Any] = {
            "state": self.standing.state.value,
            "since": self.standing.since,
            "waiting": self.standing.waiting,
            "open_runs": len(self.runs),
        }
        try:
            has_keyring = self.setting.keyring.exists()
            people = self.setting.keyring.administrators() if has_keyring else []
        except ControlError as error:
            return {**facts, "has_keyring": True, "administrators": [], "waiting": f"for its disk: {error}"}
        return {**facts, "has_keyring": has_keyring, "administrators": people}

    def require(self, *states: NodeState) -> None:
        """Raises KeyholderError where the node is in none of them."""
        if self.standing.state not in states:
            words = " or ".join(state.value for state in states)
            hint = f"it waits {self.standing.waiting}" if self.standing.waiting else "lock it first"
            raise KeyholderError(
                f"the control node is {self.standing.state.value}, and this needs {words}",
                hint=hint,
                kind="StateError",
            )

    async def open_apart(self, person: str, work: Callable[[], Outcome]) -> Message:
        """Work that opens the keyring with the person's passphrase; a wrong one costs them time. Raises
        KeyholderError."""
        async with self._patience.take_turn(person):
            try:
                answer = await work_apart(work)
            except KeyholderError as error:
                if error.kind == "WrongPassphraseError":
                    seconds = self._patience.lose(person)
                    log.warning("a wrong passphrase of %s; it is answered in %g s", person, seconds)
                    await asyncio.sleep(seconds)
                raise
            self._patience.forgive(person)
            return answer

    async def create(self, person: str, work: Callable[[], Outcome]) -> Message:
        """The keyring of a first machine. Raises KeyholderError."""
        async with self._changing:
            self._check_move(NodeEvent.BOOTSTRAP)
            answer = await work_apart(work)
            self._settle(answer.fields["public"])
            log.info("%s made the keyring", person)
            return answer

    async def take_over(self, person: str) -> dict[str, Any]:
        """The keyring that an earlier machine left on the persistent disk. Raises ControlError where it is another
        node's. The public record, empty where there was none."""
        async with self._changing:
            self._check_move(NodeEvent.BOOTSTRAP)
            record = read_record(self.setting.places.public_file)
            node = self.read_roster().node
            if record and record.get("node") != node:
                hint = "the wrong data disk is attached: see which data VM owns it, in the site"
                raise ControlError(f"the keyring on this disk is {record.get('node')}'s, not {node}'s", hint=hint)
            self._settle(record)
            log.info("%s had this machine take over the keyring on its disk", person)
            return record

    async def settle_restored(self, person: str) -> None:
        """A back-up is in the keyring's place. The public record of before may not fit it; unlocking writes it."""
        async with self._changing:
            self.setting.places.public_file.unlink(missing_ok=True)
            if self.standing.state is NodeState.NEW:
                self._settle({})
            log.info("%s restored the keyring from a back-up", person)

    def _settle(self, record: dict[str, Any]) -> None:
        """The keyring is there, so the node is Locked; that the disk takes no more must not hide that."""
        self.standing.move(NodeEvent.BOOTSTRAP)
        self._publish(record)
        try:
            mark_machine(self.setting.places, self.setting.machine)
        except ControlError as error:
            log.error("%s; after a restart it wants to be bootstrapped again", error)

    def _publish(self, record: dict[str, Any]) -> None:
        """What is not published now is at the next unlock."""
        try:
            if record:
                write_record(self.setting.places.public_file, record)
        except ControlError as error:
            log.error("the public record is not up to date: %s", error)

    def _check_move(self, event: NodeEvent) -> None:
        move(self.standing.state, event)

    async def unlock(self, person: str, work: Callable[[], Outcome]) -> dict[str, Any]:
        """The public record, and ``missing``: the environments that the keyring has no keys for. Raises
        ControlError; the node is as Locked as it was then."""
        self._check_move(NodeEvent.UNLOCK)
        answer = await self.open_apart(person, work)
        try:
            async with self._changing:
                self._check_move(NodeEvent.UNLOCK)
                missing = await self._start(answer)
                self.standing.move(NodeEvent.UNLOCK)
        finally:
            answer.wipe()
        log.info("%s unlocked", person)
        return {"public": answer.fields["public"], "missing": missing}

    async def _start(self, answer: Message) -> list[str]:
        """What was opened, held. The environments that have no keys."""
        holdings, missing = plan_holdings(answer, self.read_roster(), self.setting.daemon_user)
        opened = Opened(self.setting.places, self.runs, self._lose)
        await opened.start(holdings)
        self._opened = opened
        self._publish(answer.fields["public"])
        return missing

    async def change(self, person: str, work: Callable[[], Outcome]) -> Message:
        """Work that changes the keyring; while Ready, what it made is held in place of what was. Of what is secret
        the answer has only what its person is to see. Raises ControlError."""
        self.require(NodeState.LOCKED, NodeState.READY)
        answer = await self.open_apart(person, work)
        try:
            async with self._changing:
                if self._opened is not None:
                    holdings, _ = plan_holdings(answer, self.read_roster(), self.setting.daemon_user)
                    await self._take_over(self._opened, holdings)
                self._publish(answer.fields["public"])
        except BaseException:
            answer.wipe()  # a new recovery identity too, which nobody will see
            raise
        wipe(answer.raw.pop("content"))
        return answer

    async def _take_over(self, opened: Opened, holdings: list[Holding]) -> None:
        """Raises ControlError; half of it held is no state, so then nothing is any more."""
        try:
            await opened.hold(holdings)
        except BaseException as error:
            await self._shut()
            if isinstance(error, ControlError):
                error.hint = "the keyring on the disk is changed, and the node is locked: unlock it, and look"
            raise

    def password(self, environment: str) -> bytearray:
        """Raises KeyholderError where the node is not Ready, or has none for it."""
        return self._find_password(environment, "passwords")

    def next_password(self, environment: str) -> bytearray:
        """Of a rotation that goes on. Raises KeyholderError."""
        return self._find_password(environment, "next_passwords")

    def _find_password(self, environment: str, kind: str) -> bytearray:
        self.require(NodeState.READY)
        passwords: dict[str, bytearray] = getattr(self._opened, kind, {})
        if environment not in passwords:
            words = "vault password" if kind == "passwords" else "next vault password"
            known = ", ".join(sorted(passwords)) or "none"
            raise KeyholderError(f"there is no {words} for {environment!r}", hint=f"there are: {known}")
        return passwords[environment]

    def check_run(self, environment: str, uid: int) -> None:
        """Raises KeyholderError unless runs of that environment are this user's, and the node is Ready."""
        self.password(environment)
        user = self.read_roster().environments.get(environment, "")
        if find_user(user).uid != uid:
            raise KeyholderError(f"runs of {environment} are not user {uid}'s", kind="DeniedError")

    async def lock(self, person: str) -> None:
        """Raises ControlError where it is not Ready. :meth:`leave` ends the process, once the person was answered."""
        self._check_move(NodeEvent.LOCK)
        await self._shut()
        log.info("%s locked", person)

    def end_soon(self) -> None:
        """Whatever the state: let go of everything, and end."""
        self._ending = asyncio.create_task(self._shut_and_leave())

    def leave(self) -> bool:
        """End, where everything was let go of; whether that is so."""
        if self._is_over:
            self.ended.set()
        return self._is_over

    def _lose(self, agent: str) -> None:
        """An agent died: half open is no state."""
        log.error("the ssh-agent of %s has ended, so the node is locked", agent)
        self.end_soon()

    async def _shut_and_leave(self) -> None:
        try:
            await self._shut()
        finally:
            self.leave()

    async def _shut(self) -> None:
        opened, self._opened = self._opened, None
        try:
            if opened is not None:
                self.runs.close_all()
                await opened.end()
                self.standing.move(NodeEvent.LOCK)
        finally:
            self._is_over = True  # whatever went wrong: with the process goes its memory, and with it every agent
