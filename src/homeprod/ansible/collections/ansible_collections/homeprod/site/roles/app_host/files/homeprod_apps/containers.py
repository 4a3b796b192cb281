"""What runs of each app: every service, by its containers, and not any one of them as Harbormaster looks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .docker import Docker
from .problem import Problem

_LABEL = "com.docker.compose"
_LOOK_EVERY = 0.5


@dataclass(frozen=True)
class Service:
    """``state`` in docker's words, with what counts behind it. ``settles`` may yet become well by itself."""

    state: str
    is_well: bool = False
    settles: bool = False


Services = Mapping[str, Service]
"""By their names."""


def find_containers(docker: Docker) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What docker says of each, by the compose project and the service. Raises Problem."""
    done = docker.call("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={_LABEL}.project")
    if done.code:
        raise Problem(f"docker does not answer: {done.said.strip()[:200]}", "see it\n    systemctl status docker")
    identifiers = done.output.split()
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    if not identifiers:
        return found
    # One that went away meanwhile makes this fail, and is left out of what is printed.
    for container in json.loads(docker.call("inspect", *identifiers).output or "[]"):
        labels = container["Config"]["Labels"]
        if labels.get(f"{_LABEL}.oneoff") == "True":
            continue
        services = found.setdefault(labels[f"{_LABEL}.project"], {})
        services.setdefault(labels.get(f"{_LABEL}.service", ""), []).append(container)
    return found


def judge(
    wanted: Mapping[str, bool], found: Mapping[str, list[dict[str, Any]]], settle: float, now: float
) -> Services:
    """Of each wanted service, True for one that ends by itself; a service of several containers is as well as its
    worst."""
    services = {}
    for name, ends in wanted.items():
        judged = [_judge(one, ends, settle, now) for one in found.get(name, [])]
        services[name] = min(judged, key=lambda one: (one.is_well, one.settles)) if judged else Service("not there")
    return services


def _judge(container: dict[str, Any], ends: bool, settle: float, now: float) -> Service:
    state = container["State"]
    status, code = str(state["Status"]), int(state["ExitCode"])
    if status in ("exited", "dead"):
        return Service("ended well", is_well=True) if ends and code == 0 else Service(f"{status} ({code})")
    if status == "restarting":
        return Service(f"restarting ({code})", settles=True)
    if status != "running":
        return Service(status)
    health = (state.get("Health") or {}).get("Status", "none")
    if health == "unhealthy":
        return Service("running, unhealthy")
    if health == "starting":
        return Service("running, not healthy yet", settles=True)
    # One that docker had to start again has to run for longer.
    if now - _parse_time(state["StartedAt"]) < settle * (1 + min(int(container["RestartCount"]), 9)):
        return Service("running, just started", settles=True)
    return Service("running, healthy" if health == "healthy" else "running", is_well=True)


def _parse_time(text: str) -> float:
    """Seconds since the epoch. docker writes nanoseconds, which Python 3.10 does not read."""
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()


def tell_unwell(services: Services) -> str:
    """Empty where all is well."""
    return ", ".join(f"{name} is {one.state}" for name, one in services.items() if not one.is_well)


def wait_until_well(
    docker: Docker, wanted: Mapping[str, tuple[str, Mapping[str, bool]]], patient_for: Iterable[str]
) -> dict[str, Services]:
    """Of every app, by its compose project and services; those of ``patient_for`` are waited for, up to the limit of
    the settings or until one of theirs can get no better. Raises Problem."""
    awaited, settings = frozenset(patient_for), docker.settings
    deadline = time.monotonic() + settings.health_seconds
    while True:
        containers = find_containers(docker)
        seen = {
            name: judge(services, containers.get(project, {}), settings.settle_seconds, time.time())
            for name, (project, services) in wanted.items()
        }
        hoped = [name for name in awaited & seen.keys() if _may_settle(seen[name])]
        if not hoped or time.monotonic() > deadline:
            return seen
        time.sleep(_LOOK_EVERY)


def _may_settle(services: Services) -> bool:
    """Where one is beyond hope, nobody waits for the others."""
    unwell = [one for one in services.values() if not one.is_well]
    return bool(unwell) and all(one.settles for one in unwell)
