"""A module's text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from homeprod.core.sizes import GiB, MiB

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the site's ``_config`` calls things: variables by a Datastore's name, and the one of the environment."""

    datastores: Mapping[str, str]
    environment: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One module to be written: ``modules/STEM.py``."""

    name: str
    text: str

    @property
    def stem(self) -> str:
        return name_module(self.name)


def name_module(name: str) -> str:
    """``lab-coder`` → ``lab_coder_vm``."""
    return f"{name.replace('-', '_')}_vm"


@dataclass
class Writer:
    """Collects one declaration: its arguments as they will stand, a line each, and the names to import for them."""

    vocabulary: Vocabulary
    kind: str
    arguments: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    imports: list[str] = field(default_factory=list)

    def add(self, keyword: str, expression: str, comment: str = "") -> None:
        self.arguments.append(f"{keyword}={expression},{f'  # {comment}' if comment else ''}")

    def add_mapping(self, keyword: str, items: Mapping[str, str]) -> None:
        """A dictionary, an entry a line."""
        if items:
            lines = [f'        "{key}": {value},\n' for key, value in items.items()]
            self.arguments.append(f"{keyword}={{\n{''.join(lines)}    }},")

    def name_size(self, size: int) -> str:
        """``32 * GiB``; whole MiB at least."""
        unit, name = (GiB, "GiB") if size % GiB == 0 else (MiB, "MiB")
        self.names.add(name)
        return f"{size // unit} * {name}"

    def name_datastore(self, storage: str) -> str:
        if variable := self.vocabulary.datastores.get(storage):
            self.shared.add(variable)
            return variable
        self.names.add("Datastore")
        return f'Datastore(name="{storage}")'

    def add_environment(self) -> None:
        self.shared.add(self.vocabulary.environment)
        self.add("environment", self.vocabulary.environment)

    def render(self, purpose: str, left: Iterable[str] | None = None) -> str:
        """``purpose`` is the docstring's first line; ``left`` are the keys that the module leaves as they are."""
        lines = [f'"""{purpose}"""']
        if left is not None:
            lines = [f'"""{purpose}', "", "What is not named here is left as it is, for example its:"]
            lines += [*_list_left(left), '"""']
        lines += ["", f"from homeprod import {', '.join(sorted({self.kind, *self.names}))}"]
        lines.append(f"from modules._config import {', '.join(sorted(self.shared))}")
        lines += [*self.imports, "", f"vm = {self.kind}("]
        return "\n".join([*lines, *(f"    {argument}" for argument in self.arguments), ")", ""])


def _list_left(left: Iterable[str]) -> Sequence[str]:
    whole = [word.replace(" ", "\u00a0") for word in left] or ["note"]
    lines = wrap(", ".join(whole), WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
    return [line.replace("\u00a0", " ") for line in lines]
