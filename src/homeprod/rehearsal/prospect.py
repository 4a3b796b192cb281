"""Prospect: all that a rehearsal is of, known and checked before anything is begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homeprod.core.errors import PromotionError
from homeprod.core.tree import Tree
from homeprod.drivers.branches import open_branches
from homeprod.drivers.commitsignature import require_vault_signer
from homeprod.drivers.playbooks import Step, fetch_vault, read_first_step, read_step
from homeprod.lab.spec import LabSpec
from homeprod.promotion.affected import find_affected
from homeprod.promotion.closure import INVENTORY, Revision, find_closures
from homeprod.promotion.document import UnreadableError
from homeprod.rehearsal.choice import Choice, choose_environment, choose_subjects
from homeprod.rehearsal.inventory import adapt_inventory, list_zones
from homeprod.rehearsal.lab import describe_stand_in_lab, name_lab
from homeprod.rehearsal.look import Expectations, choose_expectations
from homeprod.rehearsal.need import Need, weigh
from homeprod.rehearsal.secrets import FOLDER, NoFolderError, VaultFile, make_stand_in_vault
from homeprod.rehearsal.standin import Belongings, make_stand_in_site, name_person
from homeprod.site.configured import list_environments
from homeprod.site.machine import Environment
from homeprod.site.people import Person
from homeprod.site.site import Site
from homeprod.wiring.records import list_believed

_NOBODY = "ssh-ed25519 AAAA"
"""A key that stands where one comes later."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """``repository`` is the clone that both revisions of ``step`` are in; ``vault`` the stand-in files of the vault
    repository; ``expectations`` those that stand-ins alone can meet."""

    site: Site
    repository: Path
    environment: Environment
    step: Step
    choice: Choice
    vault: tuple[VaultFile, ...]
    spec: LabSpec
    need: Need
    expectations: Expectations

    @property
    def node(self) -> str:
        """The control node that the stand-ins' own stands in for."""
        return self.environment.control_node

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.choice.subjects)

    @property
    def person(self) -> str:
        return name_person(self.site)

    def make_site(self, belongings: Belongings) -> Site:
        return make_stand_in_site(self.site, self.names, self.node, belongings)

    def adapt(self, revision: Revision, key: str, where: str) -> bytes:
        """That revision's inventory for the stand-ins. Raises PromotionError."""
        return adapt_inventory(
            _read_inventory(revision), self.names, Person(name=self.person, keys=(key,)), where[:12]
        )

    def list_zones(self) -> list[str]:
        """In which certificates lie that the authority of the stand-ins has to sign."""
        texts = (self.adapt(one, _NOBODY, "") for one in self.step.revisions)
        zones = {zone for text in texts for zone in list_zones(text, self.names)}
        return sorted(zone for zone in zones if not any(zone.endswith(f".{other}") for other in zones))


def prepare(
    site: Site,
    repository: Path,
    revision: str,
    vault: Path,
    to: str,
    names: Sequence[str],
    *,
    boots: bool = True,
) -> Prospect:
    """Reads the site and both repositories, as their git hosts have them now. Raises UsageError, PromotionError (of
    them UnaffectedError where there is nothing to rehearse), AppsError."""
    environment = choose_environment(site, to)
    known = fetch_vault(vault)
    require_vault_signer(known.git, known.head, list_believed(site, environment.control_node))
    secrets = known.read(known.head)
    step = _read(repository, environment, revision, secrets)
    choice = _choose(site, environment, step, names)
    chosen = [one.name for one in choice.subjects]
    stand_ins = make_stand_in_site(site, chosen, environment.control_node, Belongings(site.root, _NOBODY))
    overrides = step.revisions[1].playbooks.below(FOLDER)
    prospect = Prospect(
        site,
        repository,
        environment,
        step,
        choice,
        tuple(_make_vault(site, known.source, secrets, environment, overrides)),
        describe_stand_in_lab(site, stand_ins, name_lab(site), boots=boots),
        weigh(stand_ins),
        choose_expectations(site, chosen),
    )
    prospect.list_zones()  # what is wrong with either inventory is said now
    return prospect


def _read(repository: Path, environment: Environment, revision: str, secrets: Tree) -> Step:
    """From the environment's present revision, both beside the vault as it is now."""
    present = find_present(repository, environment)
    step = read_step(repository, f"{present}..{revision}") if present else read_first_step(repository, revision)
    before, after = (replace(one, vault=secrets) for one in step.revisions)
    return replace(step, revisions=(before, after))


def _make_vault(site: Site, source: str, secrets: Tree, environment: Environment, overrides: Tree) -> list[VaultFile]:
    known = [one.name for one in list_environments(site)]
    try:
        return make_stand_in_vault(secrets, environment.name, overrides, environments=known)
    except NoFolderError as error:
        error.where = source
        raise


def _choose(site: Site, environment: Environment, step: Step, names: Sequence[str]) -> Choice:
    before, after = step.revisions
    try:
        affected, closures = find_affected(before, after), find_closures(after)
    except UnreadableError as error:
        hint = "render the site anew, and rehearse what you commit then:\n\n  homeprod render --to DIR"
        raise PromotionError(f"the inventory cannot be read: {error}", hint=hint) from error
    return choose_subjects(site, environment, affected, closures, set(before.inventories[""]), names, step)


def find_present(repository: Path, environment: Environment) -> str:
    """The environment's branch as its git host has it now, which is asked, so that a record can be pushed there later
    on; empty where there is no such branch yet. Raises PromotionError."""
    branch = environment.branch or environment.name
    return open_branches(repository).fetch([branch]).get(branch, "")


def _read_inventory(revision: Revision) -> bytes:
    file = revision.playbooks.get(INVENTORY)
    return file.content or b"" if file is not None else b""
