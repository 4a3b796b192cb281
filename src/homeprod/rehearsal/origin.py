"""Origin: the two repositories that stand-ins are configured from, as their lab serves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from homeprod.core.tree import Kind
from homeprod.network.nat.nftables import render_nftables
from homeprod.network.nat.values import describe_nat
from homeprod.promotion.closure import INVENTORY, Revision
from homeprod.rehearsal.lab import Say, StandInLab, write_key
from homeprod.rehearsal.prospect import Prospect
from homeprod.rehearsal.repositories import Files, Scratch, make_key
from homeprod.rehearsal.secrets import list_secrets
from homeprod.rehearsal.standin import PLAYBOOKS, VAULT, Belongings
from homeprod.site.configured import list_environments
from homeprod.site.entry.gateway import Gateway
from homeprod.site.rendered.settings import describe_node
from homeprod.site.site import Site

_EMPTY = b"all: {}\n"


@dataclass
class Origin:
    """``site`` is the stand-ins', ``key`` the public one of whoever signs here. ``present`` and ``sealed`` are the
    heads of the two repositories."""

    prospect: Prospect
    lab: StandInLab
    site: Site
    key: str
    playbooks: Scratch
    vault: Scratch
    present: str = ""
    sealed: str = ""

    def begin(self) -> None:
        """The playbooks at the environment's present revision, for every environment that the control node looks at;
        a vault that holds nothing yet. Raises PromotionError, LabError."""
        step, environments = self.prospect.step, [one.name for one in list_environments(self.site)]
        files = self._make_files(step.revisions[0], step.before)
        self.present = self.playbooks.commit(environments, files, base=step.before)
        self.sealed = self.vault.commit(["main"], self._make_empty_vault())
        for name in (PLAYBOOKS, VAULT):
            self.lab.store.add(name)
        self._push()
        self.lab.serve_repositories()

    def fill_vault(self, seal: Callable[[str, Sequence[bytes]], Mapping[bytes, str]]) -> None:
        """The stand-in secrets, sealed by ``seal`` with the password of their environment. Raises HomeprodError."""
        name, vault = self.prospect.environment.name, self.prospect.vault
        sealed = seal(name, list_secrets(vault))
        files = {path: one for path, one in self._make_empty_vault().items() if not path.startswith(f"{name}/")}
        files |= {one.path: (one.kind, one.render(sealed)) for one in vault}
        self.sealed = self.vault.commit(["main"], files, parent=self.sealed)
        self._push()

    def go_on(self) -> str:
        """Move the environment's branch from its present revision to the one that is rehearsed; its name here."""
        step = self.prospect.step
        files = self._make_files(step.revisions[1], step.after)
        branch = self.prospect.environment.name
        commit = self.playbooks.commit([branch], files, base=step.after, parent=self.present)
        self._push()
        return commit

    def _make_files(self, revision: Revision, commit: str) -> Files:
        """What differs, at that revision, from what is really there: the inventory's few lines, and what the control
        node is told of itself. It tries a run once: one that succeeds when it is repeated is not good."""
        node = self.prospect.node
        settings = {**describe_node(self.site, node), "attempts": 1}
        return {
            INVENTORY: (Kind.FILE, self.prospect.adapt(revision, self.key, commit)),
            f"site/{node}.json": (Kind.FILE, json.dumps(settings, indent=2, sort_keys=True).encode() + b"\n"),
        }

    def _make_empty_vault(self) -> dict[str, tuple[Kind, bytes]]:
        return {f"{one.name}/hosts.yml": (Kind.FILE, _EMPTY) for one in list_environments(self.site)}

    def _push(self) -> None:
        self.lab.store.push(PLAYBOOKS, self.playbooks.folder)
        self.lab.store.push(VAULT, self.vault.folder)


def open_origin(prospect: Prospect, lab: StandInLab, say: Say) -> Origin:
    """The lab, up, with both repositories in it. Raises LabError, PromotionError."""
    person, key_file, folder = prospect.person, lab.scratch / "key", lab.scratch / "site"
    key = make_key(key_file, person)
    lab.up(say)
    write_key(lab.lab, person, key_file)
    folder.mkdir(mode=0o700)
    origin = Origin(
        prospect,
        lab,
        prospect.make_site(Belongings(folder, key, lab.git_host, lab.read_git_key())),
        key,
        Scratch(lab.scratch / f"{PLAYBOOKS}.git", key_file, person, borrowed=prospect.repository),
        Scratch(lab.scratch / f"{VAULT}.git", key_file, person),
    )
    origin.begin()
    _load_gateway(prospect, lab)
    return origin


def _load_gateway(prospect: Prospect, lab: StandInLab) -> None:
    """As the router at home passes on what comes from outside, whatever that is; where somebody stands in for whom it
    passes it to."""
    entry = prospect.site.entry
    if entry is not None and entry.passthrough in prospect.names:
        gateway = Gateway(wan=prospect.spec.wan.interface)
        lab.load_gateway(render_nftables(describe_nat(prospect.site, entry), gateway))
