"""The accounts at ACME servers, as they are shown; their keys are in no output."""

import json

import pytest

from hermetic.certificates.keys import encode, generate
from hermetic.certstore.accounts import Accounts
from hermetic.cli import main
from hermetic.config.home import Home
from hermetic.issuers.acme.account import Account

Captured = pytest.CaptureFixture[str]
AT = "https://127.0.0.1:1/directory"


def run(capsys: Captured, *line: str, code: int = 0) -> str:
    assert main.run(["certificate", "account", *line]) == code
    return "".join(capsys.readouterr())


def test_who_has_no_server_is_told_how_to_get_one(home: Home, capsys: Captured) -> None:
    assert "--acme" in run(capsys, code=66)


@pytest.mark.slow
def test_an_account_is_shown_without_its_key(home: Home, capsys: Captured) -> None:
    home.settings.write_text(
        json.dumps({"Certificates": {"Names": ["a.test"], "Acme": {"Directory": AT}}})
    )
    (none,) = json.loads(run(capsys, "--json"))
    assert none == {"server": AT, "account": None}
    key = generate()
    known = Account(key, kid="https://127.0.0.1:1/account/7", under_way={"a.test": "https://o/1"})
    Accounts(home.acme_account(AT)).write("account", known.files())
    out = run(capsys)
    assert "account/7" in out
    assert "ES256" in out
    assert "https://o/1" in out
    assert encode(key).splitlines()[1].decode() not in out
    # a server that does not answer changes nothing
    assert "127.0.0.1:1" in run(capsys, "--change-key", code=69)
    found = Accounts(home.acme_account(AT)).read("account")
    assert found is not None
    assert encode(Account.of(found).key) == encode(key)
