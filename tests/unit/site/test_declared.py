"""What every typed thing of a site has."""

from __future__ import annotations

import homeprod
from homeprod.site.declared import Declared


def test_each_pattern_is_told_in_words() -> None:
    kinds = [kind for kind in (getattr(homeprod, name) for name in homeprod.__all__) if isinstance(kind, type)]
    patterned = {
        (kind.__name__, name): kind.forms.get(name, "")
        for kind in kinds
        if issubclass(kind, Declared)
        for name, field in kind.model_fields.items()
        if any(getattr(part, "pattern", None) for part in field.metadata)
    }
    assert ("Service", "name") in patterned
    assert [place for place, words in patterned.items() if not words] == []
