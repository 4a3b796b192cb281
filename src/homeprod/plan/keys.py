"""Keys: what differs between the configuration that a machine should have and the one it has, disks aside."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.plan.actual import ActualMachine
from homeprod.plan.attributes import REVERTED, find_effect
from homeprod.plan.bundle import SLOT as BUNDLE_SLOT
from homeprod.plan.change import Difference
from homeprod.plan.config import Drive, Nic, Value
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.drives import coming_value
from homeprod.plan.mark import COLD_TAG, NEW_TAG

_BRIDGE_OPTIONS = frozenset({"firewall", "link_down", "rate", "tag", "trunks"})


def compare_keys(machine: DesiredMachine, found: ActualMachine) -> Iterator[Difference]:
    """Only keys that the site manages; what it does not name is left alone."""
    for key, new in sorted(machine.config.items()):
        old = coming_value(found.config, key)
        if isinstance(old, frozenset) and isinstance(new, frozenset):
            old, new = _settle_tags(machine, found, old, new)
        if old is None and new is False:  # Proxmox's default of onboot and protection
            continue
        if isinstance(old, Drive) and isinstance(new, Drive) and old.is_cdrom:
            old = new if old.volume == new.volume else old  # Proxmox notes the size of what is in it
        if old != new:
            in_force = found.config.config.get(key)
            name = _name_attribute(key, in_force, new)
            effect = REVERTED if in_force == new else find_effect(machine.address.kind, name, found)
            yield Difference(key, old, new, effect)


def _name_attribute(key: str, in_force: Value | None, new: Value) -> str:
    """As the table of attributes calls it: a disc is swapped at once, and a drive is not."""
    if key == "net0" and _is_same_card(in_force, new):
        return "net0 bridge"
    is_disc = isinstance(in_force, Drive) and in_force.is_cdrom
    return "bundle" if key == BUNDLE_SLOT and is_disc else key


def _settle_tags(
    machine: DesiredMachine, found: ActualMachine, old: frozenset[str], new: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Both without those tags of ours that an apply takes away by itself. An adopted machine keeps its own."""
    owed = {COLD_TAG} if found.is_owed_a_start and machine.is_started else set[str]()
    if machine.is_adopted:
        return old - owed, new | old - {NEW_TAG, COLD_TAG}
    return old - owed - {NEW_TAG}, new


def _is_same_card(old: Value | None, new: Value) -> bool:
    """Whether only the host's side of it differs, so that the guest does not notice."""
    if not isinstance(old, Nic) or not isinstance(new, Nic) or not (old.bridge and new.bridge):
        return False
    changed = {name for name, _ in set(old.options) ^ set(new.options)}
    return (old.model, old.mac) == (new.model, new.mac) and changed <= _BRIDGE_OPTIONS
