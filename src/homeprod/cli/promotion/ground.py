"""The ground that every verb of promotion stands on: the site, an environment of it, both repositories as their git
hosts have them now, and the records."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.promotion.gates import list_followers
from homeprod.cli.promotion.place import load_named_site
from homeprod.core.errors import PromotionError
from homeprod.drivers.branches import Branches, open_branches
from homeprod.drivers.playbooks import Vault, fetch_vault, find_vault, read_revisions
from homeprod.drivers.records import Heard, Records
from homeprod.promotion.candidates import Closures
from homeprod.promotion.closure import Revision, find_closures
from homeprod.promotion.document import UnreadableError
from homeprod.site.configured import list_environments, require_environment
from homeprod.site.machine import Environment
from homeprod.site.site import Site
from homeprod.wiring.records import open_records


@dataclass
class Ground:
    """``heads`` are commits of all environments' branches, by environment, empty where a branch is not there yet;
    ``secrets`` is the vault, at the head that a control node has."""

    site: Site
    environment: Environment
    branches: Branches
    records: Records
    heads: Mapping[str, str]
    secrets: Vault
    _closures: dict[tuple[str, str], Closures] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        return name_branch(self.environment)

    @property
    def head(self) -> str:
        return self.heads[self.environment.name]

    @property
    def node(self) -> str:
        """The control node of the environment."""
        return self.environment.control_node

    @property
    def followers(self) -> tuple[Environment, ...]:
        """Environments that a revision comes to after this one."""
        return list_followers(self.site, self.environment)

    def hear(self) -> Heard:
        """The records as they are now; what is not believed is said once."""
        self.records.fetch()
        heard = self.records.read()
        for problem in heard.problems:
            render.say(f"note: not believed: {problem}")
        return heard

    def find_closures(self, *revisions: str, vault: str = "") -> list[Closures]:
        """By host, of each revision; of none, which is empty, nobody's. With the vault at its head, or at ``vault``.
        Raises PromotionError."""
        at = vault or self.secrets.head
        unread: Collection[str] = {one for one in revisions if one and (one, at) not in self._closures}
        if unread:
            with render.busy("reading revisions"):
                for commit, revision in read_revisions(self.branches.git, unread, self.secrets.read(at)).items():
                    self._closures[commit, at] = _find_closures(commit, revision)
        return [self._closures[one, at] if one else {} for one in revisions]


def _find_closures(commit: str, revision: Revision) -> Closures:
    try:
        return find_closures(revision)
    except UnreadableError as error:
        hint = "render the site anew, and commit it:\n\n  homeprod render --to DIR"
        raise PromotionError(f"the inventory cannot be read: {error}", where=commit[:12], hint=hint) from error


def open_ground(options: argparse.Namespace, environment: str, site: Site | None = None) -> Ground:
    """Asks both git hosts. ``site`` is the one that was loaded already. Raises HomeprodError."""
    site = site or load_named_site(options)
    chosen = require_environment(site, environment)
    branches = open_branches(Path(options.repository))
    folder = find_vault(branches.git.folder, options.vault)
    with render.busy("asking the git hosts"):
        names = {one.name: name_branch(one) for one in list_environments(site)}
        there = branches.fetch(names.values())
        secrets = fetch_vault(folder)
    if not secrets.has_folder(chosen.name):
        render.say(f"note: the vault repository has no folder {chosen.name} ({secrets.source}); push, if yours has")
    heads = {name: there.get(branch, "") for name, branch in names.items()}
    records = open_records(site, chosen.control_node, branches.git.folder)
    return Ground(site, chosen, branches, records, heads, secrets)


def name_branch(environment: Environment) -> str:
    return environment.branch or environment.name
