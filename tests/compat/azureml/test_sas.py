"""Signed addresses: for one file, one use, and an hour."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from hermetic.compat.azureml.sas import LIFE, READ, WRITE, Signing

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIGNING = Signing(b"k" * 32)
PATH = "LocalUpload/box/a b.py"
URL = SIGNING.url("https://storage:1", PATH, WRITE, at=NOW)
QUERY = dict(parse_qsl(urlsplit(URL).query))


def allowed(
    path: str = PATH,
    permission: str = "w",
    at: datetime = NOW,
    change: dict[str, str] | None = None,
) -> bool:
    return SIGNING.allows(path, {**QUERY, **(change or {})}, permission, at=at)


def test_an_address_is_what_its_client_understands() -> None:
    assert urlsplit(URL).path == "/LocalUpload/box/a%20b.py"
    assert set(QUERY) == {"sv", "sr", "se", "sp", "spr", "sig"}


def test_it_is_good_for_an_hour() -> None:
    assert allowed()
    assert allowed(permission="r")
    assert allowed(at=NOW + LIFE - timedelta(seconds=1))
    assert not allowed(at=NOW + LIFE)


@pytest.mark.parametrize(
    "change",
    [
        {"sp": "rcwd"},
        {"se": "2030-01-01T00:00:00Z"},
        {"sig": ""},
        {"sig": "ä"},
        {"se": "never"},
    ],
)
def test_what_was_changed_is_good_for_nothing(change: dict[str, str]) -> None:
    assert not allowed(change=change)


def test_it_is_for_that_file_and_use_alone() -> None:
    assert not allowed("LocalUpload/box/other.py")
    assert not allowed(permission="d")


def test_who_may_read_may_not_write() -> None:
    query = dict(parse_qsl(SIGNING.query(PATH, READ, at=NOW)))
    assert SIGNING.allows(PATH, query, "r", at=NOW)
    assert not SIGNING.allows(PATH, query, "w", at=NOW)
    assert not SIGNING.allows(PATH, {}, "r", at=NOW)


def test_another_key_signs_otherwise() -> None:
    assert not Signing(b"x" * 32).allows(PATH, QUERY, "w", at=NOW)
    assert "kkk" not in repr(SIGNING)
