"""Pinned images by address: checked by their checksum, taken up where a cut connection left off."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from homeprod.core.errors import LabError
from homeprod.lab.image.command import Progress, run_command
from homeprod.lab.image.pin import Pin, check_kind

_CHUNK = 64 * 1024
"""Bytes: what a cut connection loses of what has come, at most."""
_FRUITLESS = 4
"""Attempts that brought nothing, after which it is given up. A long download on a bad line may be cut more often."""
_PAUSE = 2.0
"""Seconds between attempts."""
_TIMEOUT = (10, 60)
"""Seconds to connect, and between two pieces."""
_SAY_EVERY = 1.0
MiB = 1024**2
_STEP = 32 * MiB
"""Bytes between two words where the server does not say how much will come."""


def download_image(pin: Pin, target: Path, on_progress: Progress) -> None:
    """Bring the image to ``target``, which appears whole, with the right checksum and format, or not at all.

    What has come is kept in ``target.part`` when the connection fails for good or this process is ended, and the next
    call goes on from there. Raises LabError.
    """
    part = target.with_name(f"{target.name}.part")
    on_progress(f"bringing {pin.shown_url}")
    try:
        if pin.url.startswith("file:"):
            _copy(pin, part)
        else:
            _download(pin, part, on_progress)
        _check_kind(pin, part)
        _publish(part, target)
    except requests.RequestException as error:
        hint = "check the address and the network" + ("; what has come so far is kept" if part.exists() else "")
        raise LabError(f"download failed: {explain(error)}", where=pin.shown_url, hint=hint) from error
    except OSError as error:
        raise LabError(
            f"cannot keep the image: {error.strerror}",
            where=str(part),
            hint="free some space, or set XDG_CACHE_HOME to a larger disk",
        ) from error


def _copy(pin: Pin, part: Path) -> None:
    """A copy, because whoever owns the file may write into it."""
    file = Path(unquote(urlsplit(pin.url).path))
    try:
        size = file.stat().st_size
        file.open("rb").close()
    except OSError as error:
        raise LabError(f"cannot read the image: {error.strerror}", where=str(file)) from error
    _check_space(part, size)
    # cp keeps the holes of a sparse image, and shares its blocks where the file system can.
    run_command(("cp", "--reflink=auto", "--", str(file), str(part)))
    _check_sum(pin, part)


def _download(pin: Pin, part: Path, on_progress: Progress) -> None:
    is_resumed = part.exists()
    _bring(pin.url, part, on_progress)
    try:
        _check_sum(pin, part)
    except LabError:
        if not is_resumed:
            raise
        on_progress("what was kept of it does not fit: beginning anew")
        _bring(pin.url, part, on_progress)
        _check_sum(pin, part)


def _bring(url: str, part: Path, on_progress: Progress) -> None:
    most, fruitless = _size(part), 0
    while True:
        try:
            return _fetch(url, part, on_progress)
        except requests.RequestException as error:
            fruitless = 0 if _size(part) > most else fruitless + 1
            most = max(most, _size(part))
            if fruitless == _FRUITLESS or _is_final(error):
                raise
            on_progress(f"{explain(error)}: trying again")
            time.sleep(_PAUSE)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _is_final(error: BaseException) -> bool:
    """Whether it will not be better the next time: an address that is none, a name that nobody has, a certificate
    that is refused."""
    causes = list(_causes(error))
    has_no_name = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes)
    is_refused = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
    return isinstance(error, ValueError) or has_no_name or is_refused


def _fetch(url: str, part: Path, on_progress: Progress) -> None:
    have = _size(part)
    # No compression: the checksum is over the file as it is, and ranges count its bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416:  # nothing after what we have (RFC 9110, 15.5.17): it is whole, or wrong
            return
        _check_status(response)
        begin = have if response.status_code == 206 else 0
        total = begin + int(response.headers.get("Content-Length", 0))
        _check_space(part, total - begin)
        with part.open("ab" if begin else "wb") as file:
            progress = _Counter(begin, total, on_progress)
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                progress.count(len(chunk))


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    words = f"the server said {status} {response.reason}"
    if status == 429 or status >= 500:
        raise requests.HTTPError(words)
    raise LabError(words, where=_shown(response), hint="compare the image's address with the one its publisher gives")


def _shown(response: requests.Response) -> str:
    """The address that answered, which need not be the one that was asked."""
    parts = urlsplit(response.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _check_space(part: Path, need: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if need > free:
        raise LabError(
            f"{free // MiB} MiB free, the image needs {need // MiB} MiB",
            where=str(part.parent),
            hint="free some space, or set XDG_CACHE_HOME to a larger disk",
        )


class _Counter:
    """Says how much has come: once a second at most, and for each percent once."""

    def __init__(self, have: int, total: int, on_progress: Progress) -> None:
        self._have, self._total, self._say = have, total, on_progress
        self._said_at, self._step = time.monotonic(), -1

    def count(self, more: int) -> None:
        self._have += more
        step = 100 * self._have // self._total if self._total else self._have // _STEP
        if step != self._step and time.monotonic() - self._said_at >= _SAY_EVERY:
            self._said_at, self._step = time.monotonic(), step
            whole = f" of {self._total // MiB} MiB downloaded ({step} %)" if self._total else " MiB downloaded"
            self._say(f"{self._have // MiB}{whole}")


def _check_sum(pin: Pin, part: Path) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, pin.algorithm).hexdigest()
    if found != pin.checksum:
        part.unlink()
        raise LabError(
            f"wrong checksum: {pin.algorithm} is {found}, not {pin.checksum}",
            where=pin.shown_url,
            hint="compare the image's checksum with the one its publisher gives",
        )


def _check_kind(pin: Pin, part: Path) -> None:
    try:
        check_kind(pin, part)
    except LabError:
        part.unlink()
        raise


def _publish(part: Path, target: Path) -> None:
    """On disk before it has its name, so that not even a power cut leaves half an image under a name that is
    trusted."""
    part.chmod(0o644)
    with part.open("rb") as image:
        os.fsync(image.fileno())
    os.replace(part, target)  # noqa: PTH105 (atomic by intent, and named so)


def explain(error: BaseException) -> str:
    """What went wrong with a connection in a few words, found below what requests and urllib3 wrap around it."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, socket.gaierror):
            return "nobody knows the server's name"
        if isinstance(cause, TimeoutError | requests.Timeout):
            return "the server does not answer"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    if isinstance(error, requests.HTTPError | ValueError):
        return str(error)
    return "the connection was cut"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
