"""A plan as a person reads it."""

from __future__ import annotations

import pytest

from homeprod.cli.showplan import show_plan
from homeprod.core.address import Address
from homeprod.plan.plan import Notice, Plan


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (("image/a.qcow2", "image/b.qcow2"), "* 2 images: stand-in: debian-13\n    image/a.qcow2, image/b.qcow2\n"),
        (("vm/a", "data-vm/a-data"), "* 2 machines: stand-in: debian-13\n"),
        (("vm/a", "image/b.qcow2", "iso/c.iso"), "* 3 things: stand-in: debian-13\n"),
        (("image/a.qcow2",), "* image/a.qcow2: stand-in: debian-13\n"),
    ],
)
def test_what_is_told_of_several_is_counted_as_what_they_are(
    addresses: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(
        Plan((), notices=tuple(Notice(Address.parse(one), "stand-in: debian-13", differs=False) for one in addresses))
    )
    assert capsys.readouterr().out.startswith(words)
