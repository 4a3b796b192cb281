"""Routes: which path and method is answered by what, under which parameters and privileges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from homeprod.lab.api import formats as f
from homeprod.lab.api.access import Identity
from homeprod.lab.api.decoding import Params
from homeprod.lab.api.error import ApiError, unknown_method
from homeprod.lab.api.schema import Prop, Table
from homeprod.lab.hypervisor import Hypervisor


@dataclass(slots=True)
class Call:
    """One call, its parameters verified: scalars as text, JSON null as None."""

    hypervisor: Hypervisor
    who: Identity
    params: Params

    @property
    def node(self) -> str:
        return str(self.params["node"])

    @property
    def vmid(self) -> int:
        return int(self.params["vmid"])

    def text(self, name: str, default: str = "") -> str:
        value = self.params.get(name)
        return default if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.params.get(name)
        return default if value is None else value == "1"

    def number(self, name: str, default: int) -> int:
        value = self.params.get(name)
        return default if value is None else int(value)

    def require(self, path: str, *privileges: str, any_of: bool = False) -> None:
        self.hypervisor.access.require(self.who, path, *privileges, any_of=any_of)

    def holds(self, path: str, *privileges: str, any_of: bool = False) -> bool:
        return self.hypervisor.access.holds(self.who, path, *privileges, any_of=any_of)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with more beside ``data`` (``total`` of a paged log)."""

    data: Any
    more: Mapping[str, Any] = field(default_factory=dict)


Handler = Callable[[Call], Any | Awaitable[Any]]
Allow = Callable[[Call], None]


def allow_all(_: Call) -> None:
    """Whoever has logged in."""


def allow(path: str, *privileges: str, any_of: bool = False) -> Allow:
    """Needs the privileges at ``path``, where ``{vmid}`` and the like are the call's own parameters."""

    def check(call: Call) -> None:
        call.require(path.format_map(call.params), *privileges, any_of=any_of)

    return check


@dataclass(frozen=True, slots=True)
class Route:
    """``is_public`` needs no log-in. ``takes_file`` is an upload: a multipart body, and no CSRF token asked."""

    method: str
    path: str
    handler: Handler
    table: Table = field(default_factory=dict)
    allow: Allow = allow_all
    is_public: bool = False
    takes_file: bool = False


PATH_TABLE: dict[str, Prop] = {
    "node": Prop(form=f.node, optional=False),
    "vmid": Prop("integer", form=f.vmid, minimum=100, maximum=999999999, optional=False),
    "storage": Prop(form=f.storage_id, optional=False),
    "volume": Prop(optional=False),
    "upid": Prop(optional=False),
    "poolid": Prop(form=f.pool_id, optional=False),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route with its whole parameter table."""

    route: Route
    table: Table


class _Step:
    __slots__ = ("endpoints", "name", "steps", "variable")

    def __init__(self) -> None:
        self.steps: dict[str, _Step] = {}
        self.variable: _Step | None = None
        self.name = ""
        self.endpoints: dict[str, Endpoint] = {}


class Router:
    """Finds the endpoint of a path, a step at a time. A ``{volume}`` takes the rest of the path, slashes too."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Step()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        step = self._root
        names: list[str] = []
        for part in route.path.strip("/").split("/") if route.path != "/" else []:
            if part.startswith("{"):
                names.append(part[1:-1])
                variable = step.variable or _Step()
                variable.name = names[-1]
                step.variable = variable
                step = variable
            else:
                step = step.steps.setdefault(part, _Step())
        table = {**{name: PATH_TABLE[name] for name in names}, **route.table}
        step.endpoints[route.method] = Endpoint(route, table)

    def find(self, method: str, raw_path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and the path's own parameters. Raises ApiError 501."""
        parts = [part for part in raw_path.split("/") if part]
        step = self._root
        values: dict[str, str] = {}
        for index, part in enumerate(parts):
            following = step.steps.get(part) or step.variable
            if following is None:
                raise unknown_method(method, "/" + "/".join(parts))
            step = following
            if step.name == "volume":
                values["volume"] = unquote("/".join(parts[index:]))
                break
            if step.name:
                values[step.name] = unquote(part)
        endpoint = step.endpoints.get(method)
        if endpoint is None:
            raise unknown_method(method, "/" + "/".join(parts))
        return endpoint, values


def require_node(call: Call) -> None:
    """Raises ApiError in the words of Proxmox's proxy, which looks an unknown node up as a host name, and connects to
    one that it knows."""
    node = call.params.get("node")
    if node in call.hypervisor.offline:
        raise ApiError("No route to host", status=595, is_bare=True)
    if node is not None and node not in call.hypervisor.spec.nodes:
        words = f"failed to get address info for: {node}: Name or service not known"
        raise ApiError(f"hostname lookup '{node}' failed - {words}")
