import os
import sqlite3
import stat
from pathlib import Path

import pytest

from hermetic.database.database import Transaction
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration, StorageFull, Unavailable
from tests.database.conftest import NOTES
from tests.support.room import files_no_larger_than


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def long_note(transaction: Transaction) -> None:
    transaction.change("INSERT INTO notes (text) VALUES (?)", ("x" * 100_000,))


async def count(database: SqliteDatabase) -> int:
    rows = await database.read("SELECT COUNT(*) AS many FROM notes")
    many: int = rows[0]["many"]
    return many


async def test_every_file_is_ours_alone(database: SqliteDatabase) -> None:
    await database.write(long_note)
    files = list(database.path.parent.iterdir())
    assert len(files) == 3  # the file, its log and the index of the log
    assert {mode_of(path) for path in files} == {0o600}


async def test_no_file_is_ever_open_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = SqliteDatabase(tmp_path / "db", migrations=[NOTES])
        await database.open()
        modes = {mode_of(path) for path in tmp_path.iterdir()}
        await database.close()
    finally:
        os.umask(before)
    assert modes == {0o600}


async def test_rights_that_were_too_wide_are_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.touch(mode=0o644)
    database = SqliteDatabase(path, migrations=[NOTES])
    await database.open()
    await database.close()
    assert mode_of(path) == 0o600


async def test_writes_are_synchronous_and_logged(database: SqliteDatabase) -> None:
    def settings(transaction: Transaction) -> tuple[str, int, int]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        rows = [transaction.rows(f"PRAGMA {name}")[0][name] for name in names]
        return rows[0], rows[1], rows[2]

    assert await database.write(settings) == ("wal", 2, 1)  # 2 is FULL


async def test_a_full_disk_is_told_and_changes_nothing(database: SqliteDatabase) -> None:
    await database.write(long_note)
    await database.write(lambda transaction: transaction.rows("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageFull, match="nothing was changed"):
        await database.write(long_note)
    assert await count(database) == 1


async def test_a_database_that_was_full_works_again_when_there_is_room(
    database: SqliteDatabase,
) -> None:
    await database.write(lambda transaction: transaction.rows("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageFull):
        await database.write(long_note)
    await database.write(lambda transaction: transaction.rows("PRAGMA max_page_count = 100000"))
    await database.write(long_note)
    assert await count(database) == 1


async def test_a_quota_that_is_used_up_is_told_too(database: SqliteDatabase) -> None:
    await database.write(long_note)
    with files_no_larger_than(150_000), pytest.raises(StorageFull):
        await database.write(long_note)
    assert await count(database) == 1
    await database.write(long_note)
    assert await count(database) == 2


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"\0" * 5000])
async def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "db"
    path.write_bytes(content)
    database = SqliteDatabase(path, migrations=[NOTES])
    with pytest.raises(BadConfiguration, match="restore it from a copy, or move it away"):
        await database.open()
    assert path.read_bytes() == content


async def test_a_damaged_database_is_found_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "db"
    database = SqliteDatabase(path, migrations=[NOTES])
    await database.open()
    await database.write(long_note)
    await database.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(BadConfiguration, match="is damaged"):
        await SqliteDatabase(path, migrations=[NOTES]).open()


async def test_a_folder_in_place_of_the_file_is_a_bad_configuration(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be opened"):
        await SqliteDatabase(tmp_path, migrations=[NOTES]).open()


async def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadConfiguration, match="cannot be opened"):
        await SqliteDatabase(tmp_path / "db", migrations=[NOTES]).open()


async def test_another_program_that_holds_it_is_named(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = SqliteDatabase(database.path, migrations=[NOTES])
    monkeypatch.setattr("hermetic.database.sqlite.BUSY_TIMEOUT_S", 0.05)
    with pytest.raises(Unavailable, match="Another program holds"):
        await waiting.open()
    other.close()
