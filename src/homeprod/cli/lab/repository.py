"""``homeprod lab repository``: git repositories that the lab's machines clone, as they would at home."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from homeprod.cli import render
from homeprod.core.errors import UsageError
from homeprod.lab.folder import LabFolder, require_lab
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan
from homeprod.lab.lan.resolver import GIT_HOST, list_gateways
from homeprod.lab.repository.store import Store
from homeprod.lab.spec import LabSpec


def run(options: argparse.Namespace) -> int:
    lab = require_lab(options.name)
    spec = lab.read_spec()
    if spec.boot:
        require_root(lab.name, "lab repository")
    errand = _Errand(lab, spec, options)
    verbs = {
        "add": errand.add,
        "push": errand.push,
        "authorize": errand.authorize,
        "revoke": errand.revoke,
        "hostkey": errand.show_host_key,
        "list": errand.list_all,
    }
    verbs[options.verb]()
    return 0


@dataclass(frozen=True, slots=True)
class _Errand:
    lab: LabFolder
    spec: LabSpec
    options: argparse.Namespace

    @property
    def _store(self) -> Store:
        return Store(self.lab.path)

    @property
    def _host(self) -> str:
        return f"{GIT_HOST}.{self.spec.domain}" if self.spec.domain else GIT_HOST

    def add(self) -> None:
        name, source = self.options.repository, self.options.source
        if source and ":" not in source:  # no URL, nor what scp would take
            _require_folder(source)
        path = self._store.add(name, source)
        self._serve()
        render.print_line(f"repository {name} is in {path}")
        if self.spec.boot:
            url = f"ssh://git@{self._host}/{name}.git"
            render.print_line(f"\nwho has a deploy key clones it inside the lab:\n\n  git clone {url}")
        else:
            render.say(f"lab {self.lab.name} boots nothing (--no-boot), so nobody serves it")

    def push(self) -> None:
        source = self.options.source or "."
        _require_folder(source)
        self._store.push(self.options.repository, Path(source), force=self.options.force)
        render.print_line(f"repository {self.options.repository} has every branch and tag of {source}")

    def authorize(self) -> None:
        self._store.authorize(self.options.repository, _read_key(self.options.key))
        self._serve()
        render.print_line(f"{self.options.key} may read {self.options.repository}")

    def revoke(self) -> None:
        self._store.revoke(self.options.repository, _read_key(self.options.key))
        self._serve()
        render.print_line(f"{self.options.key} may not read {self.options.repository}")

    def show_host_key(self) -> None:
        names = dict.fromkeys([self._host, GIT_HOST, *list_gateways(self.spec)])
        render.print_line(f"{','.join(names)} {Lan(self.spec, self.lab.path).git.ensure_host_key()}")

    def list_all(self) -> None:
        store = self._store
        rows = [
            {"name": name, "deploy keys": len(store.read_keys(name)), "folder": str(store.path(name))}
            for name in store.list_names()
        ]
        if rows:
            render.print_table(("name", "deploy keys", "folder"), rows)
        else:
            command = f"homeprod lab repository add {self.lab.name} REPOSITORY"
            render.print_line(f"there is no repository; make one:\n\n  {command}")

    def _serve(self) -> None:
        """Keys are written where they are read; a lab that is down serves when it comes up."""
        if not self.spec.boot:
            return
        with self.lab.lock(render.say):
            lan = Lan(self.spec, self.lab.path)
            if lan.is_up():
                lan.up()


def _require_folder(source: str) -> None:
    """Raises UsageError."""
    if not Path(source).is_dir():
        hint = "name the folder of a git repository: --from DIR"
        raise UsageError("there is no such folder", where=source, hint=hint)


def _read_key(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        hint = "name the file of a public key, such as ~/.ssh/id_ed25519.pub"
        raise UsageError(f"cannot read the key: {reason}", where=file, hint=hint) from error
