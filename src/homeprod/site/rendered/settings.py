"""A control node's own settings, from the site; nothing in them is secret."""

from __future__ import annotations

import json
from collections.abc import Iterable

from homeprod.site.configured import find_control, list_environments
from homeprod.site.counterpart import list_counterparts
from homeprod.site.machine import Environment
from homeprod.site.people import Person
from homeprod.site.rollout import list_rollout
from homeprod.site.site import Site

FORMAT = 1
"""Of the file; a control node refuses a later one."""


def describe_node(site: Site, name: str) -> dict[str, object]:
    """Of the control node of that name. Raises ValueError where the machine is none."""
    control = find_control(site.machines[name].machine)
    if control is None:
        raise ValueError(f"{name} is no control node")
    return {
        "format": FORMAT,
        "site_id": site.config.id,
        "site_name": site.config.name,
        "node": name,
        "port": control.port,
        "environments": [_describe_environment(site, one) for one in list_environments(site, name)],
        "administrators": [person.name for person in control.administrators],
        "ringers": _list_keys((*control.administrators, *control.ringers)),
        "administrator_keys": _list_keys(control.administrators),
        "signers": _list_keys(control.signers or control.administrators, only_ed25519=False),
        "playbooks": control.playbooks,
        "vault": control.vault,
        "git_host_keys": list(control.git_host_keys),
        "rekey": control.rekey,
    }


def _describe_environment(site: Site, environment: Environment) -> dict[str, object]:
    """Upkeep as it is by default is left out: a node that knows of none reads the file as before."""
    told: dict[str, object] = {
        "name": environment.name,
        "branch": environment.branch or environment.name,
        "user": f"homeprod-{environment.name}",
    }
    told |= _describe_promotion(site, environment)
    upkeep = environment.upkeep
    if upkeep is None:
        return {**told, "upkeep": None}
    if upkeep.is_default:
        return told
    own = {"every": upkeep.every, "policy": upkeep.policy}
    window = {"window": upkeep.window, "time_zone": site.config.time_zone} if upkeep.window else {}
    return {**told, "upkeep": own | window}


def _describe_promotion(site: Site, environment: Environment) -> dict[str, object]:
    """Nothing of an environment without a gate."""
    promotion = environment.promotion
    if promotion is None:
        return {}
    order, counterparts = list_rollout(site, environment), dict(list_counterparts(site, environment))
    told = {"fresh_days": promotion.fresh_days, "canary": list(promotion.canary), "order": list(order)}
    return {"promotion": {**told, "counterparts": counterparts}}


def render_settings(site: Site, name: str) -> str:
    """The file ``control.json``."""
    return json.dumps(describe_node(site, name), indent=2, sort_keys=True) + "\n"


def _list_keys(people: Iterable[Person], *, only_ed25519: bool = True) -> list[dict[str, str]]:
    """Each person once. A key's comment says nothing that counts."""
    found = {
        (person.name, " ".join(key.split()[:2]))
        for person in people
        for key in person.keys
        if not only_ed25519 or key.startswith("ssh-ed25519 ")
    }
    return [{"person": person, "key": key} for person, key in sorted(found)]
