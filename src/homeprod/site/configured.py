"""Configured machines: who configures which machine, and with which key it logs in."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from homeprod.core.diagnostic import Diagnostic
from homeprod.core.errors import UsageError
from homeprod.core.likeness import suggest
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.controlnode import ControlNode
from homeprod.site.declared import Collector, is_broken
from homeprod.site.machine import DataVirtualMachine, Environment, Machine, VirtualMachine
from homeprod.site.people import NODE_KEY, PUBLIC_KEY, ControlUser, Person
from homeprod.site.site import DeclaredMachine, Site

KEYS_FOLDER = "keys"


def require_machine(site: Site, name: str) -> DeclaredMachine:
    """The site's machine of that name. Raises UsageError, with the names that are meant perhaps."""
    if name in site.machines:
        return site.machines[name]
    close = get_close_matches(name, site.machines, 3)
    hint = f"is {' or '.join(close)} meant?" if close else f"there are: {', '.join(site.machines) or 'none'}"
    raise UsageError(f"the site has no machine {name!r}", hint=hint)


def require_environment(site: Site, name: str) -> Environment:
    """The site's environment of that name, whose machines a control node configures. Raises UsageError."""
    known = {one.name: one for one in list_environments(site)}
    if name not in known:
        hint = suggest(name, known) or f"there are: {', '.join(known) or 'none'}"
        raise UsageError(f"the site has no environment {name!r}", hint=hint)
    if find_control_node(site, known[name]) is None:
        hint = "docs/how-to/control-node.md says how to make a control node, and to name it"
        raise UsageError(f"no control node configures the machines of {name}", hint=hint)
    return known[name]


def find_control(machine: Machine) -> ControlNode | None:
    return machine.control if isinstance(machine, VirtualMachine) and not is_broken(machine) else None


def find_control_user(machine: Machine) -> ControlUser | None:
    """Whom its control node logs in as; None where it is not configured by one."""
    people = machine.people if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else ()
    return next((person for person in people if isinstance(person, ControlUser)), None)


def find_control_node(site: Site, environment: Environment) -> DeclaredMachine | None:
    """The machine that configures those of the environment."""
    declared = site.machines.get(environment.control_node)
    return declared if declared is not None and find_control(declared.machine) else None


def name_keeper(site: Site, declared: DeclaredMachine) -> str:
    """The control node that is told when the machine was made, and configures it then; empty where there is none, and
    for one that homeprod did not make."""
    if isinstance(declared.machine, AdoptedVirtualMachine) or explain_unconfigured(declared):
        return ""
    node = find_control_node(site, declared.machine.environment)
    return node.name if node is not None else ""


def list_environments(site: Site, node: str = "") -> tuple[Environment, ...]:
    """The site's environments by name; with ``node`` those that it configures. A machine with a mistake may have
    none."""
    given = (declared.machine.environment for declared in site.machines.values())
    found = {environment.name: environment for environment in given if isinstance(environment, Environment)}
    return tuple(one for _, one in sorted(found.items()) if not node or one.control_node == node)


def list_gated(site: Site) -> tuple[Environment, ...]:
    """The environments with a gate, by name."""
    return tuple(one for one in list_environments(site) if one.promotion is not None)


def list_configured(site: Site, node: str = "") -> Iterator[DeclaredMachine]:
    """The machines that are configured by a control node; with ``node`` by that one."""
    for declared in site.machines.values():
        keeper = declared.machine.environment.control_node
        if keeper and node in ("", keeper) and find_control_user(declared.machine):
            yield declared


def explain_unconfigured(declared: DeclaredMachine) -> str:
    """Why no control node configures the machine; empty where one does."""
    machine = declared.machine
    if isinstance(machine, DataVirtualMachine):
        return "it is a data VM"
    if not machine.environment.control_node:
        return f"its environment {machine.environment.name} has no control_node="
    return "" if find_control_user(machine) else "none of its people is a ControlUser, to log in as"


def advise_configuring(site: Site, declared: DeclaredMachine) -> str:
    """What to write so that a control node configures the machine."""
    environment, file = declared.machine.environment, declared.file.relative_to(site.root)
    if not environment.control_node:
        nodes = [name for name, one in site.machines.items() if find_control(one.machine)]
        write = f"write into the Environment {environment.name}:"
        start = "docs/how-to/control-node.md says how to make a control node, and to name it"
        return f'{write}\n\n  control_node="{nodes[0]}",' if nodes else start
    users = (find_control_user(one.machine) for one in site.machines.values())
    user = next((user.name for user in users if user is not None), 'ControlUser(name="ansible")')
    people = declared.machine.people if isinstance(declared.machine, VirtualMachine | AdoptedVirtualMachine) else ()
    names = ", ".join([*(person.name for person in people), user])
    return f"write into {file}:\n\n  people=({names}{'' if people else ','}),"


def name_key(environment: Environment) -> str:
    return f"{environment.control_node}-{environment.name}"


def find_key(site: Site, machine: Machine) -> str | None:
    """The public key by which the machine's control node logs in; None while it was not published."""
    return site.control_keys.get(name_key(machine.environment))


def is_published(site: Site, node: DeclaredMachine) -> bool:
    """Whether it is a control node, and a key of its own is in the site: so it was bootstrapped."""
    return find_control(node.machine) is not None and any(
        name_key(one) in site.control_keys for one in list_environments(site, node.name)
    )


def find_awaited_key(site: Site, machine: Machine) -> str:
    """The file of the key that the machine waits for; empty where it waits for none, as one that is there does."""
    if (
        isinstance(machine, AdoptedVirtualMachine)
        or find_control_user(machine) is None
        or find_key(site, machine) is not None
    ):
        return ""
    return f"{KEYS_FOLDER}/{name_key(machine.environment)}.pub"


def list_people(site: Site, machine: VirtualMachine) -> tuple[Person, ...]:
    """Its people with the keys that they log in with."""
    key = find_key(site, machine) or ""
    return tuple(
        Person(name=person.name, keys=(key,), sudo=person.sudo) if isinstance(person, ControlUser) else person
        for person in machine.people
        if key or not isinstance(person, ControlUser)
    )


def read_control_keys(root: Path, collector: Collector) -> dict[str, str]:
    """What ``homeprod control publish`` wrote; a file that holds no key of a control node's is a mistake."""
    found: dict[str, str] = {}
    for file in _list_key_files(root):
        try:
            text = file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            text, problem, hint = "", f"cannot be read: {error.strerror}", "let whoever runs homeprod read it"
        else:
            problem, hint = _find_problem(file, text)
        if problem:
            collector.diagnostics.append(Diagnostic(f"{KEYS_FOLDER}/{file.name}", 1, problem, hint))
        elif file.suffix == ".pub":
            found[file.stem] = text
    return found


def _list_key_files(root: Path) -> list[Path]:
    folder = root / KEYS_FOLDER
    return sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []


def _find_problem(file: Path, text: str) -> tuple[str, str]:
    """What is wrong with a file of ``keys/``, and what to do; nothing where it is right, or not looked at."""
    if "PRIVATE KEY" in text:
        hint = "take it out of the site, and of its history; where a control node's key is meant, rotate it"
        return "holds a private key, and the site is no place for one", hint
    if file.suffix != ".pub" or NODE_KEY.fullmatch(text):
        return "", ""
    hint = "write it again:\n\n  homeprod control publish"
    if PUBLIC_KEY.fullmatch(text) and not text.startswith("ssh-ed25519 "):
        return f"holds a key of the kind {text.split()[0]}, and those of a control node are ed25519", hint
    return "holds no public SSH key", hint
