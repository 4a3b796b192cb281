"""Service: what is reached by names, and how its requests are passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from homeprod.core.sizes import MiB
from homeprod.site.declared import Declared
from homeprod.site.entry.fields import Headers, Names, refuse_none
from homeprod.site.entry.upstream import Upstream, UpstreamField
from homeprod.site.strictness import Size


class Service(Declared):
    """``names`` (exact, or ``*.zone``) are passed on to ``upstreams``. ``body_limit`` is the biggest request in
    bytes, None for any; ``connect_limit`` and ``answer_limit`` are seconds to connect, and of silence before and
    within an answer. ``headers`` are added to every answer, ``request_headers`` to every request that goes on.
    ``hsts`` are the seconds for which browsers ask for these hosts by https alone, 0 for no promise. ``http`` says
    what becomes of a request on port 80. With ``access="lan"`` the LAN alone is served: outside, its names are as
    unknown ones. ``verify_upstream`` is about ``https`` upstreams: whether their certificate must be good."""

    forms: ClassVar[Mapping[str, str]] = {
        "name": "no service's name: a lower-case letter, then lower-case letters, digits and -, 31 at most",
    }
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    names: Names
    upstreams: Annotated[tuple[UpstreamField, ...], AfterValidator(refuse_none)]
    websockets: bool = False
    body_limit: Size | None = Field(default=16 * MiB, ge=1)
    connect_limit: int = Field(default=5, ge=1, le=75)  # ngx_http_proxy_module: usually no more than 75 seconds
    answer_limit: int = Field(default=60, ge=1, le=86_400)
    headers: Headers = Field(default_factory=dict)
    request_headers: Headers = Field(default_factory=dict)
    http: Literal["redirect", "pass"] = "redirect"
    hsts: int = Field(default=0, ge=0, le=10 * 31_536_000)
    access: Literal["public", "lan"] = "public"
    verify_upstream: bool = True

    @field_validator("upstreams")
    @classmethod
    def _check_upstreams(cls, upstreams: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
        if len({one.scheme for one in upstreams}) > 1:
            raise ValueError("http and https among the upstreams of one service: all must speak the same")
        if twice := next((one for one in upstreams if upstreams.count(one) > 1), None):
            raise ValueError(f"{twice} stands there twice")
        return upstreams

    @field_validator("hsts")
    @classmethod
    def _check_hsts(cls, seconds: int, info: ValidationInfo) -> int:
        if seconds and info.data.get("http") == "pass":
            raise ValueError('browsers that were told so ask for https alone, and http="pass" serves http')
        return seconds
