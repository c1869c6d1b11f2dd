"""One event, one line."""

import asyncio
import io
import json
import logging
from typing import Any

import pytest

from hermetic import log


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    log.configure(node="n1", stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_that_names_its_node(stream: io.StringIO) -> None:
    log.logger("hermetic.x").info("thing.happened", names=["a\nb"], count=2)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "thing.happened",
        "level": "info",
        "module": "hermetic.x",
        "names": ["a\nb"],
        "count": 2,
        "node": "n1",
    }


def test_below_its_level_nothing_is_written(stream: io.StringIO) -> None:
    log.logger("hermetic.x").debug("thing.tried")
    assert lines(stream) == []


def test_a_level_can_be_told() -> None:
    stream = io.StringIO()
    log.configure(node="n1", level=logging.DEBUG, stream=stream)
    log.logger("hermetic.x").debug("thing.tried")
    assert len(lines(stream)) == 1


def test_a_logger_made_before_writes_to_where_it_is_told_later() -> None:
    early, stream = log.logger("hermetic.x"), io.StringIO()
    log.configure(node="n2", stream=stream)
    early.info("thing.happened")
    assert lines(stream)[0]["node"] == "n2"


async def test_a_request_is_named_in_its_own_lines_and_in_no_others(stream: io.StringIO) -> None:
    async def request(number: int) -> None:
        log.bind_request(f"r{number}")
        await asyncio.gather(*(asyncio.to_thread(log.logger("m").info, "step") for _ in range(2)))

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(request(number))
    log.logger("m").info("outside")
    named = sorted(str(line.get("request_id")) for line in lines(stream))
    assert named == ["None", "r0", "r0", "r1", "r1", "r2", "r2"]


def test_a_failure_carries_its_traceback_in_the_same_line(stream: io.StringIO) -> None:
    try:
        vars(log)["missing"]
    except KeyError:
        log.logger("m").exception("thing.broke")
    (line,) = lines(stream)
    assert "KeyError: 'missing'" in line["exception"]


def test_people_get_lines_for_people() -> None:
    terminal = Terminal()
    log.configure(node="n1", stream=terminal)
    log.logger("m").info("thing.happened", count=2)
    assert "thing.happened" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
