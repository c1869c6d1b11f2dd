import stat
from pathlib import Path

import pytest

from hermetic.certificates.keys import KeyKind, encode
from hermetic.certstore.accounts import Accounts, Records
from hermetic.errors import CertificateRejected
from tests.support.certificates import key_of

FILES = {"account.key": encode(key_of(KeyKind.EC_P256)), "account.json": b'{"kid": "x"}'}


def test_an_account_is_kept_found_and_forgotten(tmp_path: Path) -> None:
    kept = Accounts(tmp_path / "acme")
    assert kept.read("account") is None
    kept.write("account", FILES)
    assert dict(Accounts(tmp_path / "acme").read("account") or {}) == FILES
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "acme").rglob("*")}
    assert modes <= {0o600, 0o700}
    kept.remove("account")
    kept.remove("account")
    assert kept.read("account") is None


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path) -> None:
    kept = Accounts(tmp_path)
    kept.write("account", FILES)
    kept.write("account", FILES | {"account.json": b'{"kid": "y"}'})
    (tmp_path / "account" / "current" / "account.json").write_bytes(b'{"kid": "z"}')
    assert dict(kept.read("account") or {}) == FILES


@pytest.mark.parametrize("spoilt", [{"account.key": b"none"}, {"account.json": b"[]"}])
def test_what_is_no_account_is_not_kept(tmp_path: Path, spoilt: dict[str, bytes]) -> None:
    with pytest.raises(CertificateRejected):
        Accounts(tmp_path).write("account", FILES | spoilt)


def test_records_are_noted_once_and_forgotten(tmp_path: Path) -> None:
    noted = Records(tmp_path)
    assert noted.all() == ()
    for name in ("a.", "b.", "a."):
        noted.add(name, "value")
    assert Records(tmp_path).all() == (("a.", "value"), ("b.", "value"))
    noted.remove("a.", "other")
    noted.remove("a.", "value")
    assert noted.all() == (("b.", "value"),)
