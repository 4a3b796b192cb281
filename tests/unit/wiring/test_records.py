"""Whose records count: those of the people whose commits the control node believes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.records import Person

from homeprod.core.errors import UsageError
from homeprod.site.loader import load_site
from homeprod.wiring.records import find_record_signer, list_believed

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


def test_a_control_node_believes_its_own_signers_alone() -> None:
    site = load_site(PEGASUS)
    assert list(list_believed(site, "lab-ansible")) == ["ops"]
    assert list(list_believed(site, "prod-ansible")) == ["sean"]
    assert list_believed(site, "lab-coder") == {}


def test_who_has_no_key_of_theirs_cannot_sign(tmp_path: Path) -> None:
    file = Person("stranger").keep_key(tmp_path)
    with pytest.raises(UsageError, match="records are believed of sean"):
        find_record_signer(load_site(PEGASUS), "prod-ansible", env={"HOMEPROD_RING_KEY": str(file)})
