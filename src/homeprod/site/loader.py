"""Load a site's folder: run its modules, find what they declare, check it. Every mistake at once.

A site's modules are Python of its owner and run with the owner's rights, as any Python program does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from homeprod.core.diagnostic import Diagnostic, SiteError
from homeprod.site.bundle import identify_bundle
from homeprod.site.checks import check_site
from homeprod.site.configured import find_control, read_control_keys
from homeprod.site.declared import Collector, collect, is_broken, source_of
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.parts import list_unread
from homeprod.site.machine import DataVirtualMachine, Environment, Machine, SiteConfig
from homeprod.site.names import find_root as find_root
from homeprod.site.names import name_of
from homeprod.site.raised import describe_failure
from homeprod.site.site import DeclaredMachine, Site


def load_site(root: Path) -> Site:
    """The site in ``root``, checked. Raises SiteError with every mistake found."""
    root = root.resolve()
    with collect(root) as collector, _importable(root):
        modules = _load_modules(root, collector)
    config = _find_config(modules, collector)
    machines = _find_machines(modules, root, collector)
    entry = _find_entry(modules, collector)
    if config is not None and not is_broken(config):
        keys, unread = read_control_keys(root, collector), list_unread(collector.made, entry)
        empty = _find_empty(machines, collector)
        site = Site(root, config, machines, keys, _name_bundle(machines), entry, unread, empty)
        check_site(site, collector)
        if not collector.diagnostics:
            return site
    raise SiteError(collector.diagnostics)


def _name_bundle(machines: dict[str, DeclaredMachine]) -> str:
    return identify_bundle() if any(find_control(declared.machine) for declared in machines.values()) else ""


def _find_empty(machines: dict[str, DeclaredMachine], collector: Collector) -> tuple[Environment, ...]:
    used = {id(declared.machine.environment) for declared in machines.values()}
    return tuple(one for one in collector.made if isinstance(one, Environment) and id(one) not in used)


def load_values(root: Path) -> dict[str, object]:
    """What ``_config`` of a site that loads holds, by its names there."""
    with collect(root.resolve()), _importable(root.resolve()):
        return dict(vars(importlib.import_module("modules._config")))


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Make ``modules`` mean this site's, and leave no trace: several sites can be loaded in one process."""
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == "modules"}
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = writes
        for name in [name for name in sys.modules if name.split(".")[0] == "modules"]:
            del sys.modules[name]
        sys.modules.update(before)


def _load_modules(root: Path, collector: Collector) -> dict[str, ModuleType]:
    loaded: dict[str, ModuleType] = {}
    failed: set[tuple[str, int]] = set()
    for file in sorted((root / "modules").glob("*.py")):
        if file.stem == "__init__":
            continue
        before = len(collector.diagnostics)
        try:
            loaded[file.stem] = importlib.import_module(f"modules.{file.stem}")
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a module may raise anything: each is a diagnostic)
            mistake = describe_failure(error, file, root)
            # A module that another one imports fails again there; and one whose declarations were reported just now
            # may well stumble over them. Neither is a mistake of its own.
            if (mistake.file, mistake.line) not in failed and len(collector.diagnostics) == before:
                collector.diagnostics.append(mistake)
            failed.add((mistake.file, mistake.line))
    return loaded


def _find_config(modules: dict[str, ModuleType], collector: Collector) -> SiteConfig | None:
    module = modules.get("_config")
    if module is None:
        return None  # it failed to load, and that was reported
    config = getattr(module, "site", None)
    if isinstance(config, SiteConfig):
        return config
    collector.diagnostics.append(
        Diagnostic("modules/_config.py", 1, "declares no `site = SiteConfig(…)`", "homeprod init writes an example")
    )
    return None


def _find_entry(modules: dict[str, ModuleType], collector: Collector) -> Entry | None:
    """One that nothing reads is a mistake: whoever wrote it believes in it."""
    entry = getattr(modules.get("_entry"), "entry", None)
    found = entry if isinstance(entry, Entry) else None
    for stray in (one for one in collector.made if isinstance(one, Entry) and one is not found):
        message, hint = "this Entry is read by nothing: ", "there is one way in; declare it there"
        message += "the site's is `entry` of modules/_entry.py"
        if found is not None and (source := source_of(found)) is not None:
            message, hint = f"{message}, line {source.line}", "there is one way in; keep one of them"
        collector.report(source_of(stray), message, hint=hint)
    if found is None and "_entry" in modules:
        message, hint = "declares no `entry = Entry(…)`", "docs/how-to/entry.md shows one"
        collector.diagnostics.append(Diagnostic("modules/_entry.py", 1, message, hint))
    return found


def _find_machines(modules: dict[str, ModuleType], root: Path, collector: Collector) -> dict[str, DeclaredMachine]:
    machines: dict[str, DeclaredMachine] = {}
    for stem, module in sorted(modules.items()):
        if stem.startswith("_"):
            continue
        file = root / "modules" / f"{stem}.py"
        name = name_of(stem)
        problem = _find_problem(stem, name, module)
        if name is None or problem:
            collector.diagnostics.append(Diagnostic(f"modules/{stem}.py", 1, *(problem or ("names no machine",))))
            continue
        machines[name] = DeclaredMachine(name, module.vm, file)
    return dict(sorted(machines.items()))


def _find_problem(stem: str, name: str | None, module: ModuleType) -> tuple[str, str] | None:
    if name is None:
        return (
            f"{stem}.py names neither a machine nor a data module",
            "a machine's module ends in _vm.py, a data module's name starts with _",
        )
    machine = getattr(module, "vm", None)
    if not isinstance(machine, Machine):
        return ("declares no machine", "it needs `vm = VirtualMachine(…)` or `vm = DataVirtualMachine(…)`")
    if isinstance(machine, DataVirtualMachine) != name.endswith("-data"):
        return (
            "a data VM's module, and no other's, ends in _data_vm.py",
            "rename the file, or declare the other kind",
        )
    return None
