import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hermetic.config.home import Home, default_home, read_record, speaking_of, write_record
from hermetic.errors import BadConfiguration, HomeLocked, StorageFull


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def test_the_home_named_in_the_environment_wins_over_the_platforms() -> None:
    assert default_home({"HERMETIC_HOME": "/srv/hermetic"}) == Path("/srv/hermetic")
    assert default_home({}).name == "hermetic"


def test_a_new_home_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home(tmp_path / "home")
        home.create()
        with home.locked():
            write_record(home.running, {"pid": 1})
            assert (mode(home.root), mode(home.running)) == (0o700, 0o600)
            assert mode(home.root / "lock") == 0o600
    finally:
        os.umask(before)


def test_an_existing_home_is_used_again(home: Home) -> None:
    write_record(home.client, {"url": "u"})
    home.create()
    assert read_record(home.client) == {"url": "u"}


def test_an_empty_folder_becomes_a_private_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Home(tmp_path).create()
    assert mode(tmp_path) == 0o700


def test_a_home_with_things_in_it_that_others_can_read_is_refused(home: Home) -> None:
    write_record(home.client, {})
    home.root.chmod(0o755)
    with pytest.raises(BadConfiguration, match="chmod 700"):
        home.create()


def test_a_file_in_the_homes_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(BadConfiguration, match=r"home: File exists"):
        Home(tmp_path / "home").create()


def test_a_second_process_in_the_same_home_is_told_who_holds_it(home: Home) -> None:
    program = (
        "import sys; from pathlib import Path; from hermetic.config.home import Home\n"
        "with Home(Path(sys.argv[1])).locked(): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(home.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(HomeLocked, match=rf"process {other.pid}"), home.locked():
            pass
        other.kill()
    with home.locked():  # A lock goes with its process.
        assert (home.root / "lock").read_text() == f"{os.getpid()}\n"


def test_a_missing_record_is_none_and_a_damaged_one_is_named(home: Home) -> None:
    assert read_record(home.running) is None
    for damage in ("{", "[]", "\x00"):
        home.running.write_text(damage)
        with pytest.raises(BadConfiguration, match="damaged"):
            read_record(home.running)


def test_a_record_is_replaced_whole_and_leaves_no_draft(home: Home) -> None:
    write_record(home.running, {"pid": 1})
    write_record(home.running, {"pid": 2})
    assert read_record(home.running) == {"pid": 2}
    assert [one.name for one in home.root.iterdir()] == ["running.json"]


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    full = Path("/dev/full")
    with pytest.raises(StorageFull, match="free some space"), speaking_of(tmp_path):
        full.write_bytes(b"x")


def test_what_may_not_be_read_is_told_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"chown -R .*chmod -R"), speaking_of(tmp_path):
        raise PermissionError(13, "Permission denied", str(tmp_path / "tls.key"))
