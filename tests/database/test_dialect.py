import pytest

from hermetic.database.dialect import for_postgresql


def test_marks_are_numbered() -> None:
    assert for_postgresql("SELECT ? WHERE a = ? OR b = ?") == "SELECT $1 WHERE a = $2 OR b = $3"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '?'",
        "SELECT 'it''s ?'",
        'SELECT "?"',
        "SELECT 1 -- why?\n",
        "SELECT '-- ?'",
        "SELECT 'INTEGER', \"TEXT\" -- REAL",
        "SELECT text, integer, blob FROM notes",
        "SELECT INTEGERS, MY_TEXT",
        "SELECT '%s %' LIKE '%?'",
    ],
)
def test_what_is_no_mark_and_no_type_stays(sql: str) -> None:
    assert for_postgresql(sql) == sql


def test_a_mark_after_a_quote_counts() -> None:
    assert for_postgresql("SELECT '?''' || ? -- ?\n, ?") == "SELECT '?''' || $1 -- ?\n, $2"


@pytest.mark.parametrize("start", ["CREATE TABLE", "-- why\n\nCREATE  TABLE IF NOT EXISTS"])
def test_columns_hold_what_they_hold_in_sqlite(start: str) -> None:
    assert for_postgresql(f"{start} a (text TEXT, b INTEGER, c REAL, d BLOB)") == (
        f'{start} a (text TEXT COLLATE "C", b BIGINT, c DOUBLE PRECISION, d BYTEA)'
    )


def test_a_cast_takes_the_same_words() -> None:
    assert for_postgresql("SELECT CAST(? AS TEXT), CAST(? AS INTEGER)") == (
        "SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT)"
    )
