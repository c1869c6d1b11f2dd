from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates.chain import Chain
from hermetic.certificates.renewal import Stage, Window, due_at, stage
from tests.support.certificates import DAY, hierarchy
from tests.support.imports import material

_BORN = datetime(2026, 1, 1, tzinfo=UTC)
_OURS = hierarchy(_BORN, life=36500 * DAY)
_LUCK = st.floats(0, 1)


def _chain(life: timedelta) -> Chain:
    return _OURS.issue("api.example", life=life, backdate=timedelta()).chain


_LIVES = {life: _chain(life) for life in (timedelta(hours=24), timedelta(hours=160), 3650 * DAY)}


@given(st.sampled_from(list(_LIVES)), _LUCK)
def test_a_certificate_is_due_at_two_thirds_of_its_life_or_a_twentieth_later(
    life: timedelta, luck: float
) -> None:
    due = due_at(_LIVES[life], luck=luck) - _BORN
    assert life * 2 / 3 - timedelta(seconds=1) <= due <= life * (2 / 3 + 1 / 20)


def test_luck_spreads_nodes_that_were_started_together() -> None:
    chain = _LIVES[timedelta(hours=24)]
    assert due_at(chain, luck=1) - due_at(chain, luck=0) == timedelta(hours=24) / 20


def test_a_short_lived_certificate_is_not_due_at_birth() -> None:
    chain = material().ours.issue("api.example", life=timedelta(seconds=30)).chain
    assert due_at(chain, luck=0) > material().ours.now + timedelta(seconds=15)


@given(_LUCK)
def test_the_window_of_the_issuer_wins(luck: float) -> None:
    window = Window(_BORN + DAY, _BORN + 2 * DAY)
    assert window.start <= due_at(_chain(90 * DAY), luck=luck, suggested=window) <= window.end


def test_a_window_in_the_past_means_now() -> None:
    window = Window(_BORN - 2 * DAY, _BORN - DAY)
    assert due_at(_chain(90 * DAY), luck=0.5, suggested=window) < _BORN


@pytest.mark.parametrize("start", [89 * DAY, 900 * DAY])
def test_a_window_too_late_leaves_a_twentieth_of_the_life(start: timedelta) -> None:
    window = Window(_BORN + start, _BORN + start + DAY)
    due = due_at(_chain(90 * DAY), luck=1, suggested=window)
    assert due == _BORN + 90 * DAY * 19 / 20


@pytest.mark.parametrize("length", [timedelta(), -DAY])
def test_a_window_without_sense_is_ignored(length: timedelta) -> None:
    chain = _chain(90 * DAY)
    window = Window(_BORN + DAY, _BORN + DAY + length)
    assert due_at(chain, luck=0.5, suggested=window) == due_at(chain, luck=0.5)


@pytest.mark.parametrize("life", _LIVES)
@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (0.0, Stage.FRESH),
        (0.66, Stage.FRESH),
        (0.67, Stage.DUE),
        (0.83, Stage.DUE),
        (0.84, Stage.LATE),
        (0.94, Stage.LATE),
        (0.96, Stage.CRITICAL),
        (1.0, Stage.CRITICAL),
        (1.01, Stage.EXPIRED),
    ],
)
def test_the_stages_scale_with_the_life(life: timedelta, gone: float, expected: Stage) -> None:
    assert stage(_LIVES[life], _BORN + life * gone) is expected


def test_a_window_has_a_length() -> None:
    assert Window(_BORN, _BORN + DAY).length == DAY
