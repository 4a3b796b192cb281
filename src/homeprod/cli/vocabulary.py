"""What a site calls its own things, for modules that are written into it."""

from __future__ import annotations

from difflib import get_close_matches

from homeprod.core.errors import UsageError
from homeprod.plan.draft.text import Vocabulary
from homeprod.site.loader import load_values
from homeprod.site.machine import Environment
from homeprod.site.place import Datastore
from homeprod.site.site import Site


def read_vocabulary(site: Site, environment: str | None) -> Vocabulary:
    """What ``_config`` calls the datastores, and the environment that is meant. Raises UsageError where that is not
    known."""
    values = load_values(site.root)
    stores = {value.name: name for name, value in values.items() if isinstance(value, Datastore)}
    environments = {value.name: name for name, value in values.items() if isinstance(value, Environment)}
    if environment is None and len(environments) == 1:
        environment = next(iter(environments))
    if environment is None:
        hint = f"there are: {', '.join(sorted(environments))}; say which:\n\n  --environment NAME"
        what = "several" if environments else "none"
        if not environments:
            hint = 'write one there:\n\n  lab = Environment(name="lab")'
        raise UsageError(f"every machine names its environment, and modules/_config.py has {what}", hint=hint)
    if environment not in environments:
        close = get_close_matches(environment, environments, 1)
        hint = f"is {close[0]} meant?" if close else f"there are: {', '.join(sorted(environments)) or 'none'}"
        raise UsageError(f"modules/_config.py has no environment {environment!r}", hint=hint)
    return Vocabulary(stores, environments[environment])
