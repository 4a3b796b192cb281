"""Every route and parameter of the lab is one of Proxmox's published API schema, limits included.

The schema is data of the development dependency fakepve; it is that of 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.published_schema import load_paths

from homeprod.lab.api.calls import ROUTES
from homeprod.lab.api.routing import PATH_TABLE, Route
from homeprod.lab.api.schema import Prop

PATHS = load_paths()
LIMITS = (("minimum", "minimum"), ("maximum", "maximum"), ("min_length", "minLength"), ("max_length", "maxLength"))


def describe(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=describe)
def test_route_is_published(route: Route) -> None:
    assert route.method in PATHS.get(route.path, {})


@pytest.mark.parametrize("route", ROUTES, ids=describe)
def test_parameters_are_published(route: Route) -> None:
    published = PATHS[route.path][route.method]["parameters"].get("properties", {})
    table = own_table(route)
    assert {published_name(name, published) for name in table} == set(published)
    differing = {
        name: found
        for name, prop in table.items()
        if (found := list(compare(prop, published[published_name(name, published)])))
    }
    assert differing == {}


def own_table(route: Route) -> dict[str, Prop]:
    names = re.findall(r"{(\w+)}", route.path)
    table = {**{name: PATH_TABLE[name] for name in names}, **route.table}
    # The published schema lets `storage` of one volume be optional, which a path with it in never is.
    return {name: prop for name, prop in table.items() if prop.until > (9, 2)}


def published_name(name: str, published: Mapping[str, Any]) -> str:
    indexed = re.sub(r"\d+$", "[n]", name)
    return indexed if indexed in published else name


def compare(own: Prop, published: Mapping[str, Any]) -> Iterator[str]:
    if own.type != published.get("type", "string"):
        yield f"type {own.type}, published {published.get('type')}"
    if own.optional != bool(published.get("optional")) and own != PATH_TABLE["storage"]:
        yield f"optional {own.optional}"
    if list(own.enum) != (published.get("enum") or []):
        yield f"enum {own.enum}, published {published.get('enum')}"
    for ours, theirs in LIMITS:
        limit = published.get(theirs)
        if getattr(own, ours) != (float(limit) if limit is not None else None):
            yield f"{ours} {getattr(own, ours)}, published {limit}"
    if own.requires != published.get("requires", ""):
        yield f"requires {own.requires}"
    if bool(own.pattern) != bool(published.get("pattern")):
        yield f"pattern {own.pattern}, published {published.get('pattern')}"
    yield from compare_form(own, published.get("format"))


def compare_form(own: Prop, form: Any) -> Iterator[str]:
    if bool(form) != bool(own.form):
        yield f"format {form}"
    if not isinstance(form, dict) or not isinstance(own.form, Mapping):
        return
    known = {name: prop for name, prop in own.form.items() if prop.until > (9, 2)}
    if set(known) != set(form):
        yield f"keys that differ: {set(known) ^ set(form)}"
    for name in set(known) & set(form):
        if form[name].get("alias"):
            if known[name].alias != form[name]["alias"]:
                yield f"{name}: alias {known[name].alias}"
        else:
            yield from (f"{name}: {found}" for found in compare(known[name], form[name]))
