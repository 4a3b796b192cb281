"""A lab in a thread, for tests: the real API over TLS on a loopback port, a log of calls, faults on demand."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from aiohttp import web

from homeprod.lab.api.error import ApiError
from homeprod.lab.api.server import CutError, Received, render_error
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.service import LabService
from homeprod.lab.spec import LabSpec

T = TypeVar("T")
NO_BOOT = LabSpec("test", boot=False)


@dataclass(frozen=True)
class LoggedCall:
    """``number`` counts from 1; ``path`` is below ``/api2/json``; ``params`` as sent; ``status`` 0 for a cut call."""

    number: int
    method: str
    path: str
    params: Mapping[str, Any]
    status: int = 0

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class InjectedFault:
    """What happens to one call. ``before``: it never takes effect; ``after``: it does, and the answer is lost.

    ``cut`` drops the connection instead of answering ``status`` and ``reason``; ``delay`` (seconds) comes first.
    With ``status`` 0 and no ``cut`` the call is only delayed.
    """

    when: Literal["before", "after"] = "before"
    status: int = 0
    reason: str = ""
    cut: bool = False
    delay: float = 0.0


@dataclass
class LabServer:
    """``with LabServer() as lab:`` gives a running lab. Everything but ``call`` and the hypervisor may be used from
    the test's own thread."""

    spec: LabSpec = NO_BOOT
    state: Path | None = None
    calls: list[LoggedCall] = field(default_factory=list)
    faults: dict[int, InjectedFault] = field(default_factory=dict)
    """By call number, counted from the start or from the last ``forget_calls``."""
    on_call: Callable[[Received], InjectedFault | None] | None = None
    """Chooses a fault by the call itself, where numbers will not do."""
    _answering: int = field(default=0, init=False)

    def __enter__(self) -> LabServer:
        self._owns_state = self.state is None
        self.folder = self.state or Path(tempfile.mkdtemp(prefix="homeprod-lab-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab", daemon=True)
        self._thread.start()
        self.service = LabService(self.spec, self.folder, self._watch, refusal_seconds=0)
        try:
            self.run(self.service.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self.service.stop())
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if self._owns_state:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the lab's own loop, the only place where its hypervisor may be touched."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def do(self, work: Callable[[Hypervisor], T]) -> T:
        """Run a function on the hypervisor, in its loop."""

        async def call() -> T:
            return work(self.hypervisor)

        return self.run(call())

    @property
    def hypervisor(self) -> Hypervisor:
        return self.service.hypervisor

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def token(self) -> str:
        """``USER@REALM!ID=SECRET``."""
        return (self.folder / "token").read_text().strip()

    @property
    def password(self) -> str:
        """Of root@pam."""
        return (self.folder / "password").read_text().strip()

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"PVEAPIToken={self.token}"}

    def add_token(self, name: str, grants: Mapping[str, set[str]], secret: str = "0" * 32) -> str:
        """A privilege-separated token of root with just these privileges by path; returns its text form."""
        frozen = {path: frozenset(privileges) for path, privileges in grants.items()}
        self.do(lambda hypervisor: hypervisor.access.add_token(f"root@pam!{name}", secret, frozen))
        return f"root@pam!{name}={secret}"

    def power_off(self, vmid: int) -> None:
        """The guest turns itself off, behind the API's back."""
        self.run(self.hypervisor.runner.stop(vmid))

    def settle(self) -> None:
        """Wait for the calls that are still being answered, to callers who may be gone."""
        end = time.monotonic() + 30
        while self._answering and time.monotonic() < end:
            time.sleep(0.01)

    def forget_calls(self) -> None:
        self.calls.clear()

    def written(self) -> list[LoggedCall]:
        """The calls so far that could change anything."""
        return [call for call in self.calls if call.writes]

    async def _watch(
        self, received: Received, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        call = LoggedCall(len(self.calls) + 1, received.method, received.path, dict(received.params))
        self.calls.append(call)
        fault = self.faults.get(call.number) or (self.on_call(received) if self.on_call else None)
        self._answering += 1
        try:
            response = await _answer(fault, answer)
        finally:
            self._answering -= 1
        place = call.number - 1
        if place < len(self.calls) and self.calls[place] is call:
            self.calls[place] = dataclasses.replace(call, status=response.status)
        return response


async def _answer(
    fault: InjectedFault | None, answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if fault is None:
        return await answer()
    await asyncio.sleep(fault.delay)
    real = await answer() if fault.when == "after" or not (fault.status or fault.cut) else None
    if fault.cut:
        raise CutError
    if fault.status:
        return render_error(ApiError(fault.reason, status=fault.status))
    assert real is not None
    return real
