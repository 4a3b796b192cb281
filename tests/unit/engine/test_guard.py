"""No write can forget the check: every verb of the port is a read by its name, or is guarded."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest

from homeprod.core.errors import LeaseError
from homeprod.engine.lease.guard import GuardedHypervisor
from homeprod.engine.ports import Hypervisor

READS = {"api_calls", "wait", "ping_agent", "close"}
VERBS = sorted(name for name in vars(Hypervisor) if not name.startswith("_"))


class _Recorder:
    """Stands for the hypervisor behind the guard: says what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def record(*_: Any, **__: Any) -> None:
            self.reached.append(name)

        return record


def _refuse() -> None:
    raise LeaseError("lost")


def _call(guarded: GuardedHypervisor, name: str) -> None:
    verb = getattr(guarded, name)
    if not callable(verb):
        return
    given = {
        parameter.name: cast(Any, None)
        for parameter in inspect.signature(verb).parameters.values()
        if parameter.default is parameter.empty
    }
    verb(**given)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_reads_or_is_guarded(name: str) -> None:
    recorder = _Recorder()
    if name in READS or name.startswith("read_"):
        _call(GuardedHypervisor(cast(Any, recorder), _refuse), name)
        return
    with pytest.raises(LeaseError):
        _call(GuardedHypervisor(cast(Any, recorder), _refuse), name)
    assert recorder.reached == []
    _call(GuardedHypervisor(cast(Any, recorder), lambda: None), name)
    assert recorder.reached == [name]
