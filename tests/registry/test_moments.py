from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from hermetic.registry.moments import from_text, to_text

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_a_moment_survives_being_kept(moment: datetime) -> None:
    assert from_text(to_text(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_moments_do(one: datetime, other: datetime) -> None:
    assert (to_text(one) < to_text(other)) == (one < other)


def test_another_zone_is_turned_into_ours() -> None:
    there = datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=1)))
    assert to_text(there) == "2026-11-22T12:00:00.000000Z"
