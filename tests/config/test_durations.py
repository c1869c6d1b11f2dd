from datetime import timedelta

import pytest

from hermetic.config.durations import duration, written


@pytest.mark.parametrize(
    ("text", "length", "again"),
    [
        ("01:00:00", timedelta(hours=1), "01:00:00"),
        ("0:10:0", timedelta(minutes=10), "00:10:00"),
        ("23:59:59", timedelta(hours=23, minutes=59, seconds=59), "23:59:59"),
        ("1.00:00:00", timedelta(days=1), "1.00:00:00"),
        ("10.20:30:40", timedelta(days=10, hours=20, minutes=30, seconds=40), "10.20:30:40"),
        ("00:00:00.5", timedelta(milliseconds=500), "00:00:00.500000"),
        (" 00:00:01 ", timedelta(seconds=1), "00:00:01"),
    ],
)
def test_a_duration_is_read_and_written_as_dotnet_does(
    text: str, length: timedelta, again: str
) -> None:
    assert duration(text) == length
    assert written(length) == again
    assert duration(again) == length


@pytest.mark.parametrize(
    "text", ["", "10", "10:00", "24:00:00", "00:60:00", "00:00:60", "-01:00:00", "1:2:3:4", "1h"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration(text) is None
