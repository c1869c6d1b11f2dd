"""The ledger of our authority: whole lines, on the disk before anybody is given anything."""

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hermetic.certstore.ledger import Ledger
from hermetic.errors import HermeticError
from tests.support.certificates import hierarchy

AUTHORITY = hierarchy()
CHAIN = AUTHORITY.issue("a.test").chain


def add(path: Path, by: str = "anna") -> None:
    Ledger(path).add(CHAIN, at=AUTHORITY.now, role="api", by=by)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_who_got_what(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    add(path)
    (told,) = lines(path)
    assert (told["by"], told["role"], told["names"]) == ("anna", "api", ["a.test"])
    assert told["serial"] == f"{CHAIN.serial:x}"
    assert str(told["notAfter"]).endswith("Z")
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_of_many_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: add(path, f"{number}"), range(50)))
    assert sorted(str(one["by"]) for one in lines(path)) == sorted(map(str, range(50)))


def test_a_line_that_a_crash_cut_short_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    add(path)
    with path.open("ab") as file:
        file.write(b'{"serial": "12')
    add(path)
    whole = path.read_text().splitlines()
    assert (len(whole), whole[1]) == (3, '{"serial": "12')
    assert json.loads(whole[2])["by"] == "anna"


def test_a_disk_that_is_full_leaves_no_half_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    add(path)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.certstore.test_ledger import add\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try:\n    add(Path(sys.argv[1]))\nexcept Exception as error:\n"
        "    print(type(error).__name__)\n"
    )
    limit = str(len(before) + 20)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), limit],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == HermeticError.__name__, done.stderr
    assert path.read_bytes() == before
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != int(limit)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "ledger").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HermeticError):
        add(tmp_path / "ledger")
    assert not (tmp_path / "elsewhere").exists()
