"""What is written in one turn of the loop goes out at its end, in order."""

import asyncio
from dataclasses import dataclass, field

from hermetic.turn import Turn


@dataclass
class Recorded:
    """A transport that remembers what was written, and when beside others."""

    log: list[tuple[str, bytes]]
    name: str = "one"
    closing: bool = False
    seen: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.log.append((self.name, data))

    def is_closing(self) -> bool:
        return self.closing


async def one_turn() -> None:
    """Let the loop hand out what it had to hand out until now."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_soon(passed.set)
    await passed.wait()


async def test_it_is_sent_once_the_loop_has_handed_out_its_events() -> None:
    log: list[tuple[str, bytes]] = []
    turn, one, other = Turn(), Recorded(log), Recorded(log, "other")
    turn.write(one, b"1")
    turn.write(other, b"2")
    turn.write(one, b"3")
    assert not log
    await one_turn()
    assert log == [("one", b"1"), ("other", b"2"), ("one", b"3")]


async def test_many_do_not_wait_for_the_end_of_the_turn() -> None:
    log: list[tuple[str, bytes]] = []
    turn, one = Turn(), Recorded(log)
    for number in range(20):
        turn.write(one, b"%d" % number)
    assert len(log) == 16
    await one_turn()
    assert [data for _, data in log] == [b"%d" % number for number in range(20)]


async def test_who_cannot_wait_ends_the_turn() -> None:
    log: list[tuple[str, bytes]] = []
    turn, one = Turn(), Recorded(log)
    turn.write(one, b"1")
    turn.end()
    assert log == [("one", b"1")]
    await one_turn()
    assert len(log) == 1


async def test_a_connection_that_is_closing_gets_nothing_and_holds_nobody_up() -> None:
    log: list[tuple[str, bytes]] = []
    turn, one, other = Turn(), Recorded(log), Recorded(log, "other")
    turn.write(one, b"1")
    turn.write(other, b"2")
    one.closing = True
    await one_turn()
    assert log == [("other", b"2")]
