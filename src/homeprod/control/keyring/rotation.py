"""A secret and its successor: both are kept until the successor is everywhere where it is needed.

A new SSH key must first be on every host, a new deploy key at the git server, and a vault password must have
encrypted the vault repository anew. So a rotation has a beginning and an end, and a person says when.
"""

from __future__ import annotations

from homeprod.control.keyring.content import Content, follow, name_secrets, require
from homeprod.control.keyring.secrets import make_secret
from homeprod.core.errors import ControlError

ALL = "all"


def begin(content: Content, what: str) -> Content:
    """With a successor for one secret, or for all of them; an earlier successor is forgotten. Raises ControlError
    for an unknown name."""
    chosen = list(content.current) if what == ALL else [what]
    for name in chosen:
        require(content, name)
    return follow(content, next={**content.next, **{name: make_secret(name) for name in chosen}})


def settle(content: Content, what: str, *, is_taken: bool) -> Content:
    """Successors take the place of what they follow, or are forgotten. Raises ControlError where there is none."""
    chosen = {name: value for name, value in content.next.items() if what in (name, ALL)}
    if not chosen:
        hint = f"what is: {', '.join(content.next)}" if content.next else "begin one first"
        raise ControlError(f"no rotation of {what} has been begun", hint=hint)
    following = {name: value for name, value in content.next.items() if name not in chosen}
    return follow(content, current={**content.current, **chosen} if is_taken else content.current, next=following)


def add_environment(content: Content, name: str) -> Content:
    """With new secrets for one more environment. Raises ControlError where it is there."""
    if name in content.environments:
        raise ControlError(f"the keyring has the environment {name} already", hint="nothing is to be done")
    environments = (*content.environments, name)
    current = {one: content.current.get(one) or make_secret(one) for one in name_secrets(environments)}
    return follow(content, environments=environments, current=current)
