"""What needs a person among the apps of a node's hosts."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.overview.age import tell_age
from homeprod.core.overview.apps import OLD_SECONDS, AppLine, AppsLine
from homeprod.core.overview.host import NodeLine
from homeprod.core.overview.matter import Matter, name_hosts, name_some


def list_app_matters(node: NodeLine, now: float) -> Iterator[Matter]:
    """No command comes from what a host says."""
    for host in node.hosts:
        if host.apps is not None:
            yield from _list_of_host(host.name, host.apps, name_hosts(node.name), now)


def _list_of_host(host: str, line: AppsLine, source: str, now: float) -> Iterator[Matter]:
    command = f"ssh {host} homeprod-apps status"
    if line.problem:
        brief = f"{host} cannot look after its apps"
        yield Matter(f"{brief}: {line.problem}", command, f"{host} apps", source, brief=brief)
    if line.stood_still > OLD_SECONDS:
        brief = f"{host} looks after its apps no more"
        text = f"{brief}, for {tell_age(now - line.looked)}"
        yield Matter(text, f"ssh {host} systemctl status homeprod-apps", f"{host} still", source, brief=brief)
    groups: dict[tuple[str, str], list[AppLine]] = {}
    for app in line.ill:
        if app.needs_person(now):
            groups.setdefault((app.word, app.problem), []).append(app)
    for (word, problem), apps in groups.items():
        names = tuple(app.name for app in apps)
        brief = f"{name_some(names)} on {host}: {word}"
        text = f"{brief} for {tell_age(now - min(app.since for app in apps))}" + (f": {problem}" if problem else "")
        yield Matter(text, command, f"{host} {names[0]} {word}", source, names, brief=brief)
