"""What a person writes about a public authority and their DNS, into the playbook and the vault repository."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeprod.control.certificates.account import Account
from homeprod.control.certificates.dnsupdate import Algorithm, DnsUpdate
from homeprod.control.certificates.hook import LIMIT, DnsHook
from homeprod.control.certificates.proof import Stage
from homeprod.core.errors import CertificateError

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class _Settings(BaseModel):
    """Its mistakes are told without what was written: that may be secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Acme(_Settings):
    key: str
    agrees_to_terms: bool = False
    directory: str = Field(default=LETS_ENCRYPT, pattern=r"^https://")
    contact: tuple[str, ...] = ()
    profile: str = ""
    ca_file: str = ""


class _Update(_Settings):
    server: str
    zone: str
    key_name: str
    key: str
    algorithm: Algorithm = "hmac-sha256"
    port: int = Field(default=53, ge=1, le=65535)
    alias: str = ""
    settle: float = Field(default=0, ge=0, le=900)


class _Hook(_Settings):
    command: tuple[str, ...] = Field(min_length=1)
    secret: str = ""
    limit: float = Field(default=LIMIT, gt=0)


class _Dns(_Settings):
    update: _Update | None = None
    hook: _Hook | None = None


def read_account(written: Any) -> Account:
    """Of ``homeprod_acme``. Raises CertificateError; nothing that was written is in it."""
    try:
        return Account(**_Acme.model_validate(written).model_dump())
    except ValidationError as error:
        raise _describe("homeprod_acme", error) from None


def read_dns(written: Any) -> Stage:
    """Of ``homeprod_dns``. Raises CertificateError as :func:`read_account`."""
    try:
        chosen = _Dns.model_validate(written)
    except ValidationError as error:
        raise _describe("homeprod_dns", error) from None
    if chosen.update is not None and chosen.hook is None:
        return DnsUpdate(**chosen.update.model_dump())
    if chosen.hook is not None and chosen.update is None:
        return DnsHook(**chosen.hook.model_dump())
    hint = "docs/how-to/certificates.md shows either"
    raise CertificateError("homeprod_dns says either update or hook", where="homeprod_dns", hint=hint)


def _describe(variable: str, error: ValidationError) -> CertificateError:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join((variable, *map(str, first["loc"])))
    hint = "docs/how-to/certificates.md says what stands in it"
    return CertificateError(f"{variable} is wrong: {first['msg']}", where=place, hint=hint)
