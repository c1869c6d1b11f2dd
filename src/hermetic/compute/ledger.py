"""What a pool knows of the services placed in it and of the calls under way, by number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hermetic.client.execution import Answer
from hermetic.serving.service import Service


class Figures(NamedTuple):
    """What the metrics show of the workers."""

    ended: Mapping[str, int]
    """How many workers were ended or ended by themselves, by reason, since the start."""
    phases: Mapping[str, int]
    """How many there are at present, by what they do."""


@dataclass(slots=True, eq=False)
class PlacedService:
    """A service calls can be given to."""

    service: Service
    folder: Path | None
    failure: str = ""
    """Why it did not load the last time: the end of a traceback, or how the worker died."""
    console: str = ""
    loaded: bool = False


class PendingCall(NamedTuple):
    """A call that has not ended."""

    service: int
    body: bytes | None
    """`None` for the question of a check: whether the service loads."""
    answer: Callable[[Answer], None]
    within_s: float
    came: float
    """By `perf_counter`: the loop's own time moves in steps of a millisecond."""
