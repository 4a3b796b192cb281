"""Declared: what every typed thing of a site is made of.

A declared thing knows where it was written. While a site is loaded a wrong one is reported and loading goes on, so
that a person sees every mistake at once; outside of a load it raises pydantic's ValidationError as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Never

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, PrivateAttr, ValidationError

from homeprod.core.diagnostic import Diagnostic
from homeprod.core.sizes import MiB, format_size
from homeprod.site.source import Source, find_source
from homeprod.site.strictness import make_strict


@dataclass
class Collector:
    """The mistakes of one load of the site in ``root``, and all that it ``made``, held by a name or not."""

    root: Path
    diagnostics: list[Diagnostic] = field(default_factory=list)
    made: list[Declared] = field(default_factory=list)

    def report(self, source: Source | None, message: str, *, keyword: str = "", hint: str = "") -> None:
        """Note a mistake at ``source`` (at its argument ``keyword``, where that is written)."""
        if source is None:
            self.diagnostics.append(Diagnostic("modules", 1, message, hint))
            return
        line = source.line_of(keyword) if keyword else source.line
        self.diagnostics.append(Diagnostic(str(source.file.relative_to(self.root)), line, message, hint))


_collector: ContextVar[Collector | None] = ContextVar("collector", default=None)


@contextmanager
def collect(root: Path) -> Iterator[Collector]:
    """Report mistakes of what is declared meanwhile to the collector instead of raising."""
    collector = Collector(root)
    token = _collector.set(collector)
    try:
        yield collector
    finally:
        _collector.reset(token)


class Declared(BaseModel):
    """Base of everything a site declares: frozen, no unknown arguments, equal only to itself. A number is written as
    one, and True and False are none (pydantic would read 1 and "1" of them)."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    hints: ClassVar[Mapping[str, str]] = {}
    """What to write for an argument, by its name, where a value was given that cannot be."""
    forms: ClassVar[Mapping[str, str]] = {}
    """In words, what text an argument with a pattern takes, by its name: ``'My wiki' is …``."""
    _source: Source | None = PrivateAttr(default=None)
    _is_broken: bool = PrivateAttr(default=False)

    def __init__(self, **values: Any) -> None:
        collector = _collector.get()
        source = find_source(collector.root) if collector else None
        try:
            super().__init__(**values)
        except ValidationError as error:
            if collector is None:
                raise
            self._break(values)
            for mistake in error.errors():
                keyword = str(mistake["loc"][0]) if mistake["loc"] else ""
                message, hint = _explain(type(self), values.get("name"), keyword, mistake)
                collector.report(source, message, keyword=keyword, hint=hint)
        self._source = source
        if collector is not None:
            collector.made.append(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        schema = handler(source)
        make_strict(schema)
        return schema

    def __iter__(self) -> Never:
        """Pydantic's gives fields, so that a single thing would pass for several where a comma was forgotten."""
        raise TypeError(f"{with_article(type(self).__name__)} is one thing, not several")

    def _break(self, values: dict[str, Any]) -> None:
        """Hold what was given, unchecked, so that modules which use this go on loading."""
        fields = type(self).model_fields
        given = {name: values.get(name, info.get_default(call_default_factory=True)) for name, info in fields.items()}
        object.__setattr__(self, "__dict__", given)
        object.__setattr__(self, "__pydantic_fields_set__", set(values))
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", {"_source": None, "_is_broken": True})

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def source_of(declared: Declared) -> Source | None:
    return declared._source


def is_broken(declared: Declared) -> bool:
    """Whether a mistake in it was reported already, so that further checks would only repeat it."""
    return declared._is_broken


def _explain(declared: type[Declared], name: object, keyword: str, mistake: Any) -> tuple[str, str]:
    """Pydantic's mistake in a site writer's words, and what to do. ``input`` is shown only where it cannot be a
    secret; a mistake of a thing that has a name says which one it is."""
    kind, context = declared.__name__, mistake.get("ctx", {})
    hint = declared.hints.get(keyword, "")
    match mistake["type"]:
        case "missing":
            return f"{_call(kind, name)} needs {keyword}=", hint
        case "extra_forbidden":
            return f"{kind} has no {keyword}={_guess(keyword, declared)}", ""
        case "value_error":
            text, hint = _read_error(context["error"], hint)
        case "greater_than_equal":
            text = f"must be at least {_measure(keyword, context['ge'])}, is {mistake['input']}"
        case "less_than_equal":
            text = f"must be at most {_measure(keyword, context['le'])}, is {mistake['input']}"
        case "multiple_of":
            text = f"must be a multiple of {_measure(keyword, context['multiple_of'])}, is {mistake['input']}"
        case "string_pattern_mismatch":
            form = declared.forms.get(keyword, f"nothing that matches {context['pattern']}")
            text = f"{mistake['input']!r} is {form}"
        case "tuple_type" | "set_type" | "frozen_set_type":
            text = "must be several in brackets, with a comma even behind a single one: (one,)"
        case "too_short":
            text = f"there must be {context['min_length']} at least, and there is none"
            hint = hint or f"write\n\n  {keyword}=(…,)"
        case "int_parsing" | "int_type" | "int_from_float":
            size = "; write 16 * GiB" if keyword in _SIZES else ""
            text = f"must be a whole number{size}"
        case "float_type":
            text = "must be a number"
        case "bool_type":
            text = "must be True or False"
        case "string_type":
            text = "must be a text"
        case "model_type" | "is_instance_of":
            text = f"must be {with_article(str(context.get('class_name') or context.get('class')))}"
        case _:
            text = str(mistake["msg"])
            text = text[:1].lower() + text[1:]
    return f"{_call(kind, name if keyword != 'name' else None)}: {keyword}: {text}", hint


def _read_error(error: Exception, hint: str) -> tuple[str, str]:
    """What a validator raised: its message, and what to do where that came with it."""
    return str(error.args[0]), str(error.args[1]) if len(error.args) > 1 else hint


def _call(kind: str, name: object) -> str:
    return f"{kind} {name}" if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 40 else kind


_SIZES = ("size", "memory")


def _guess(keyword: str, declared: type[Declared]) -> str:
    close = get_close_matches(keyword, declared.model_fields, 1)
    return f"; is {close[0]}= meant?" if close else f"; it has {', '.join(sorted(declared.model_fields))}"


def with_article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


def _measure(keyword: str, bound: float) -> str:
    return format_size(int(bound)) if keyword in _SIZES and bound >= MiB else str(bound)
