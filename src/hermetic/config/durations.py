"""Durations as .NET writes them: `hh:mm:ss`, with days before them as `d.hh:mm:ss`."""

import re
from datetime import timedelta

_WRITTEN = re.compile(
    r"(?:([0-9]{1,7})\.)?([01]?[0-9]|2[0-3]):([0-5]?[0-9]):([0-5]?[0-9])(?:\.([0-9]{1,7}))?"
)


def duration(text: str) -> timedelta | None:
    """Return the duration that *text* writes, to the microsecond; `None` if it writes none.

    A whole day is `1.00:00:00`: `24:00:00` is none, as it was none to the original.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    days, hours, minutes, seconds, fraction = found.groups(default="0")
    return timedelta(
        days=int(days),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int(fraction.ljust(7, "0")) // 10,
    )


def written(length: timedelta) -> str:
    """Return *length*, which is not negative, as the file writes it."""
    minutes, seconds = divmod(length.seconds, 60)
    days = f"{length.days}." if length.days else ""
    fraction = f".{length.microseconds:06}" if length.microseconds else ""
    return f"{days}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"
