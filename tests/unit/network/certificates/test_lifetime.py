"""When a certificate is renewed, and when a person is warned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from homeprod.network.certificates.life import Life

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.timedeltas(timedelta(hours=6), timedelta(days=825)))
def test_two_thirds_of_any_life_are_lived_and_no_warning_comes_before(length: timedelta) -> None:
    life = Life(FIRST, FIRST + length)
    renewal = life.find_renewal()
    assert abs((renewal - FIRST) - length * 2 / 3) < timedelta(seconds=1)
    assert not life.is_low(renewal - timedelta(seconds=1))
    assert life.is_low(renewal + timedelta(seconds=1))


def test_its_authority_knows_better_but_not_beyond_its_end() -> None:
    life = Life(FIRST, FIRST + timedelta(days=90))
    revoked = FIRST + timedelta(days=3)
    assert life.find_renewal(revoked) == revoked
    assert life.find_renewal(FIRST + timedelta(days=200)) == life.last
    assert life.find_rest(life.last + timedelta(days=1)) == timedelta(days=-1)
