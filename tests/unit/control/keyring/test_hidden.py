"""No message, repr, or traceback with the locals of our own frames, and of those below, holds a secret."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest
from tests.unit.control.keyring.faulty import REFUSED, FaultyDisk
from tests.unit.control.keyring.quick import ANNA, OTHER, SEAN, QuickWrapping, made_keyring, quick_keyring

import homeprod
from homeprod.control.keyring.content import parse_content
from homeprod.control.keyring.hidden import Covered, Hidden
from homeprod.control.keyring.keyring import Keyring
from homeprod.control.keyring.sealing import make_identity
from homeprod.control.keyring.secrets import Secrets, make_secrets, public_keys

SOURCE = str(Path(homeprod.__file__).parent)


def _list_canaries(secrets: Secrets, *others: str | bytes) -> list[str]:
    """Every secret as it may stand in a repr: whole, or its most telling part."""
    texts = [secrets.reveal(name).decode() for name in secrets.names()]
    texts += [other.decode("latin-1") if isinstance(other, bytes) else other for other in others]
    parts = [line for text in texts for line in text.splitlines() if len(line) > 7 and "-----" not in line]
    return [
        form for part in parts for form in (part, repr(part)[1:-1], repr(part.encode("latin-1", "replace"))[2:-1])
    ]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """With causes and contexts, suppressed ones too: they stay in memory, and debuggers show them."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    return iter(seen)


def _list_shown(error: BaseException) -> Iterator[str]:
    """What can be seen of it, from our first frame down; a caller's own locals are the caller's."""
    for one in _chain(error):
        yield f"{one!r} {one} {vars(one)} {getattr(one, 'doc', '')} {getattr(one, 'object', '')}"
        for frame in _list_frames(one.__traceback__):
            yield from (f"{name}={value!r}" for name, value in frame.tb_frame.f_locals.items())


def _list_frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    is_ours = False
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        is_ours = is_ours or file.startswith(SOURCE)
        if is_ours and not file.endswith(("quick.py", "faulty.py")):
            yield trace
        trace = trace.tb_next


def _find(canaries: list[str], shown: Iterator[str]) -> list[str]:
    return [text[:60] for text in shown if any(canary in text for canary in canaries)]


class Broken(QuickWrapping):
    """Stumbles in the middle of its work, as a library may."""

    def wrap(self, identity: Hidden, passphrase: Hidden) -> bytes:  # noqa: ARG002
        raise OSError(5, "Input/output error")


def _fail_everywhere(folder: Path, secrets: Secrets, recovery: str) -> Iterator[Callable[[], object]]:
    """Every way of failing that there is a word for, and some that there is not."""
    keyring, real = quick_keyring(folder), Keyring(folder / "keyring")
    broken = Keyring(folder / "keyring", wrapping=Broken())
    yield lambda: keyring.open("sean", OTHER)
    yield lambda: keyring.open("bob", SEAN)
    yield lambda: keyring.open("sean", SEAN[:7] + b"\xff")
    yield lambda: keyring.open_with_identity(recovery[:-1])
    yield lambda: keyring.open_with_identity(recovery.replace("Q", "P"))
    yield lambda: keyring.create(make_secrets("n", ["lab"]), "sean", SEAN)
    yield lambda: keyring.add_administrator(secrets, "sean", ANNA)
    yield lambda: keyring.add_administrator(secrets, "Bad Name", ANNA)
    yield lambda: keyring.add_administrator(secrets, "anna", b"password-1234")
    yield lambda: keyring.change_passphrase("sean", OTHER, ANNA)
    yield lambda: keyring.remove_administrator(secrets, "sean")
    yield lambda: keyring.rotate(secrets, "lab/tea")
    yield lambda: keyring.finish_rotation(secrets, "all")
    yield lambda: real.open("sean", SEAN)
    yield lambda: broken.add_administrator(secrets, "anna", ANNA)
    yield lambda: secrets.reveal("nothing")
    yield lambda: public_keys(Secrets(parse_content(Hidden(_spoil(secrets)))))
    yield lambda: parse_content(Hidden(secrets.content.render().reveal()[:-1]))
    yield lambda: parse_content(Hidden(secrets.content.render().reveal().replace('"node"', '"knot"')))
    for at in range(0, 60, 3):
        yield lambda at=at: quick_keyring(folder, FaultyDisk(at, REFUSED)).rotate(secrets, "all")  # type: ignore[misc]


def _spoil(secrets: Secrets) -> str:
    form = json.loads(secrets.content.render().reveal())
    form["deploy"]["vault"] = form["deploy"]["vault"][:-90]
    return json.dumps(form)


def _catch(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not tell
        return error
    return None


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    keyring, secrets, recovery = made_keyring(tmp_path)
    canaries = [
        *_list_canaries(secrets, SEAN, ANNA, OTHER, recovery, recovery[:-1], "password-1234"),
        SEAN[:7].decode(),
    ]
    failed = [error for act in _fail_everywhere(tmp_path, secrets, recovery) if (error := _catch(act))]
    assert len(failed) > 20
    assert [found for error in failed for found in _find(canaries, _list_shown(error))] == []
    assert keyring.open("sean", SEAN).node == "lab-ansible"


def test_the_search_is_able_to_find(tmp_path: Path) -> None:
    """A frame of ours that held a secret would be seen."""
    _, secrets, _ = made_keyring(tmp_path)

    def fail() -> None:
        bare = secrets.reveal("lab/vault-password")
        raise ValueError(len(bare))

    fail.__code__ = fail.__code__.replace(co_filename=f"{SOURCE}/control/pretended.py")
    with pytest.raises(ValueError, match="43") as caught:
        fail()
    assert _find(_list_canaries(secrets), _list_shown(caught.value)) != []


def test_what_holds_secrets_hides_them(tmp_path: Path) -> None:
    _, secrets, _ = made_keyring(tmp_path)
    canaries = [*_list_canaries(secrets), "canary-text"]
    for thing in (secrets, secrets.content, Hidden("canary-text"), Covered(b"canary-text"), [Hidden("canary-text")]):
        assert _find(canaries, iter([repr(thing), f"{thing}", str(thing)])) == []
    identity = make_identity()
    assert str(identity)[16:] not in repr(identity)  # its str is the secret, and is never bound to a name
    for thing in (Hidden("canary-text"), secrets.content):
        with pytest.raises(TypeError, match="a secret is not pickled"):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="a secret is not pickled"):
        copy.copy(Hidden("canary-text"))
