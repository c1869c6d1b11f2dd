import subprocess
import sys

import pytest

from hermetic.node.descriptors import RESERVED

PROGRAM = (
    "import resource, sys; soft, hard, wanted = map(int, sys.argv[1:]);"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard));"
    "from hermetic.node.descriptors import room_for;"
    "print(room_for(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0], file=sys.stderr)"
)


def room(*, soft: int, hard: int, wanted: int) -> tuple[list[int], str]:
    """Return the room and the bound there is then, in a process of its own, and what it logged."""
    numbers = map(str, (soft, hard, wanted))
    command = [sys.executable, "-c", PROGRAM, *numbers]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(word) for word in done.stderr.splitlines()[-1].split()], done.stdout


def test_the_bound_is_raised_as_far_as_needed_and_no_further() -> None:
    found, told = room(soft=256, hard=4096, wanted=1000)
    assert found == [1000, 1000 + RESERVED]
    assert told == ""


def test_a_bound_that_is_high_enough_stays() -> None:
    assert room(soft=3000, hard=4096, wanted=1000)[0] == [1000, 3000]


@pytest.mark.parametrize(("hard", "borne"), [(2000, 2000 - RESERVED), (600, 300)])
def test_where_it_cannot_be_raised_so_far_fewer_connections_are_borne(
    hard: int, borne: int
) -> None:
    found, told = room(soft=256, hard=hard, wanted=10_000)
    assert found == [borne, hard]
    assert "listener.fewer_connections" in told
