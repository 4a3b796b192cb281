"""A plan kept in a file, to be read, agreed upon, and then applied as it was, or not at all.

The file holds what the plan says and what it was decided from, and nothing that anybody must keep: applying it makes
the plan anew and refuses to go on where it came out otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeprod.cli.showplan import describe_change
from homeprod.core.errors import HomeprodError, StalePlanError, UsageError
from homeprod.plan.plan import Plan
from homeprod.site.site import Site

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """``changes`` and ``basis`` as they were; ``instances`` are the nonces that were chosen, by address."""

    file: Path
    changes: list[dict[str, Any]]
    basis: Mapping[str, str]
    instances: Mapping[str, str]
    only: list[str]
    start: bool


def write_plan_file(file: Path, site: Site, plan: Plan, options: argparse.Namespace) -> None:
    """Whole or not at all. Raises HomeprodError."""
    content = {
        "homeprod-plan": FORMAT,
        "site": site.config.id,
        "changes": [describe_change(change) for change in plan.changes],
        "basis": dict(plan.basis),
        "instances": {str(change.address): change.instance for change in plan.changes if change.instance},
        "only": list(options.only),
        "start": options.start,
    }
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        os.replace(temporary, file)  # noqa: PTH105 (atomic by intent, and named so)
    except OSError as error:
        raise HomeprodError(f"cannot write the plan: {error.strerror}", where=str(file)) from None


def read_plan_file(file: Path, site: Site) -> KeptPlan:
    """Raises UsageError for a file that is no plan of this site."""
    try:
        content = json.loads(file.read_text())
        if content["homeprod-plan"] != FORMAT:
            raise UsageError("a plan of another release of homeprod", where=str(file), hint="plan again")
        if content["site"] != site.config.id:
            raise UsageError("a plan of another site", where=str(file), hint=f"this site is {site.config.name}")
        return KeptPlan(
            file, content["changes"], content["basis"], content["instances"], content["only"], content["start"]
        )
    except OSError as error:
        raise UsageError(f"cannot read the plan: {error.strerror}", where=str(file)) from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            "is no plan of homeprod", where=str(file), hint="write one with:\n\n  homeprod plan --out FILE"
        ) from None


def check_fresh(kept: KeptPlan, plan: Plan) -> None:
    """Raises StalePlanError, naming everything that moved since the plan was kept."""
    moved = {name for name in kept.basis.keys() | plan.basis.keys() if kept.basis.get(name) != plan.basis.get(name)}
    before = {_key(change): change for change in kept.changes}
    now = {_key(change): change for change in map(describe_change, plan.changes)}
    moved |= {name for name, _ in before.keys() ^ now.keys()}
    moved |= {key[0] for key in before.keys() & now.keys() if before[key] != now[key]}
    if moved:
        raise StalePlanError(
            f"the plan is stale, and nothing was done; what moved since: {', '.join(sorted(moved))}",
            where=str(kept.file),
            hint="plan again, and look at it again:\n\n  homeprod plan",
        )


def _key(change: Mapping[str, Any]) -> tuple[str, str]:
    return str(change["address"]), f"{change['action']} on {change['node']}"
