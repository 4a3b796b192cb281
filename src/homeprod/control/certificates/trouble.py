"""Trouble with a public authority, said once and clearly. Whatever it is, the certificate of before stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
from acme import errors, messages
from josepy.errors import Error as JoseError

from homeprod.core.errors import CertificateError

_LONGEST = 300
"""Signs of an authority's own words."""
_STAYS = "what is served stays as it is, and the next run tries again"


class Patience:
    """What the authority said last about waiting: the library drops it with the answer."""

    def __init__(self) -> None:
        self.until: datetime | None = None
        self.is_limited = False

    def note(self, response: requests.Response, *_: object, **__: object) -> None:
        """As a hook of requests."""
        self.is_limited = response.status_code == requests.codes.too_many_requests
        self.until = _read_wait(response.headers.get("Retry-After", "")) if not response.ok else None


def _read_wait(text: str) -> datetime | None:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    try:
        return datetime.now(UTC) + timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        pass
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


@contextmanager
def explain(where: str, patience: Patience) -> Iterator[None]:
    """Raises CertificateError for whatever the library raises."""
    try:
        yield
    except errors.ValidationError as error:
        raise _describe_validation(error, where) from error
    except errors.IssuanceError as error:
        raise _refused(f"the order failed: {_quote(error.error)}", where) from error
    except errors.TimeoutError as error:
        raise _refused("the authority did not decide in time", where) from error
    except messages.Error as error:
        raise _describe(error, where, patience) from error
    except errors.ClientError as error:
        raise _describe_answer(error, where, patience) from error
    except errors.Error as error:
        raise _refused(f"the order failed: {_cut(str(error))}", where) from error
    except (JoseError, requests.JSONDecodeError) as error:
        raise describe_stranger(where) from error
    except requests.RequestException as error:
        raise _refused(f"the authority cannot be reached: {_find_reason(error)}", where) from error


def describe_stranger(where: str) -> CertificateError:
    hint = "its directory's URL is wanted, such as https://acme-v02.api.letsencrypt.org/directory"
    return _refused("what answers there is no ACME server", where, hint)


def _refused(message: str, where: str, hint: str = "") -> CertificateError:
    return CertificateError(message, where=where, hint=f"{hint}; {_STAYS}" if hint else _STAYS)


def _describe_validation(error: errors.ValidationError, where: str) -> CertificateError:
    said = []
    for one in error.failed_authzrs:
        failed = [challenge for challenge in one.body.challenges or () if challenge.error is not None]
        words = "; ".join(f"by {challenge.chall.typ}: {_quote(challenge.error)}" for challenge in failed)
        said.append(f"{one.body.identifier.value} was not proven {words}")
    hint = "look whether the name leads here, and what stands at its _acme-challenge record"
    return _refused("; ".join(said) or "a name was not proven", where, hint)


def _describe(error: messages.Error, where: str, patience: Patience) -> CertificateError:
    if error.code == "rateLimited" or patience.is_limited:
        return _describe_limit(_quote(error), where, patience)
    if error.code == "badNonce":
        return _refused("the authority refused a nonce of its own twice", where)
    if error.code == "accountDoesNotExist":
        return _refused(f"the authority does not know the account: {_quote(error)}", where)
    return _refused(f"the authority refused: {_quote(error)}", where)


def _describe_limit(words: str, where: str, patience: Patience) -> CertificateError:
    until = f" until {patience.until:%Y-%m-%d %H:%M} UTC" if patience.until is not None else ""
    return _refused(f"the authority's rate limit is reached{until}: {words}", where, "do not try before")


def _describe_answer(error: errors.ClientError, where: str, patience: Patience) -> CertificateError:
    """The library puts the whole answer in it, where that was no problem document."""
    answer = next((one for one in error.args if isinstance(one, requests.Response)), None)
    if patience.is_limited:
        return _describe_limit("it said no more", where, patience)
    if answer is not None:
        until = f", and asks to wait until {patience.until:%Y-%m-%d %H:%M} UTC" if patience.until is not None else ""
        return _refused(f"the authority answers {answer.status_code} {answer.reason}{until}", where)
    return describe_stranger(where)


def _quote(error: messages.Error | None) -> str:
    if error is None:
        return "it did not say why"
    return _cut(error.detail or error.title or error.code or str(error.typ))


def _cut(text: str) -> str:
    """An authority's own words, on one line: nothing of them moves a cursor."""
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _find_reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its own certificate is not believed"
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return _cut(str(error) or type(error).__name__)
