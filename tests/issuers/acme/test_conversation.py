"""Accounts at Pebble: made once, bound, found again, given other keys."""

from dataclasses import replace
from pathlib import Path

import pytest

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Accounts
from hermetic.errors import BadConfiguration, TrustFailure
from hermetic.issuers.acme.account import Account
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import ACCOUNT, NEXT, stored
from hermetic.tls.contexts import client_context
from tests.support import pebble as pebbles
from tests.support.acme import issuer_of, requesting, server_of
from tests.support.pebble import Pebble, needs_pebble

pytestmark = [needs_pebble, pytest.mark.slow, pytest.mark.system]


async def test_an_account_is_made_once_and_found_again(pebble: Pebble, tmp_path: Path) -> None:
    await issuer_of(pebble, tmp_path).issue(requesting(["a.test"]), Role.API)
    kept = Accounts(tmp_path)
    first = stored(kept)
    assert first is not None
    await issuer_of(pebble, tmp_path).issue(requesting(["b.test"]), Role.API)
    # The process died before it had written where its account is.
    kept.write(ACCOUNT, replace(first, kid="").files())
    await issuer_of(pebble, tmp_path).issue(requesting(["c.test"]), Role.API)
    again = stored(kept)
    assert again is not None
    assert again.kid == first.kid
    # The server was set up anew.
    kept.write(ACCOUNT, replace(first, kid=f"{first.kid}0").files())
    await issuer_of(pebble, tmp_path).issue(requesting(["d.test"]), Role.API)


async def test_an_account_gets_another_key(pebble: Pebble, tmp_path: Path) -> None:
    issuer, kept = issuer_of(pebble, tmp_path), Accounts(tmp_path)
    await issuer.issue(requesting(["a.test"]), Role.API)
    before = stored(kept)
    await issuer.change_key(KeyKind.RSA_2048)
    after = stored(kept)
    assert before is not None
    assert after is not None
    assert (after.kid, after.key == before.key) == (before.kid, False)
    await issuer_of(pebble, tmp_path).issue(requesting(["b.test"]), Role.API)
    # The process died between the server's answer and its own note of it.
    kept.write(ACCOUNT, before.files())
    kept.write(NEXT, after.files())
    await issuer_of(pebble, tmp_path).issue(requesting(["c.test"]), Role.API)
    # Or before the server heard of it.
    current = stored(kept)
    assert current is not None
    kept.write(NEXT, replace(current, key=before.key).files())
    await issuer_of(pebble, tmp_path).issue(requesting(["d.test"]), Role.API)
    assert kept.read(NEXT) is None


async def test_who_is_not_believed_or_not_agreed_with_is_not_asked(
    pebble: Pebble, tmp_path: Path
) -> None:
    server = server_of(pebble)
    doubted = replace(server, context=client_context(b""))
    with pytest.raises(TrustFailure, match="--ca"):
        await issuer_of(pebble, tmp_path, server=doubted).issue(requesting(["a.test"]), Role.API)
    with pytest.raises(BadConfiguration, match="--agree-tos"):
        await issuer_of(pebble, tmp_path, server=replace(server, agreed=False)).issue(
            requesting(["a.test"]), Role.API
        )
    assert stored(Accounts(tmp_path)) is None


async def test_without_its_external_account_nobody_comes_in(tmp_path: Path) -> None:
    with pebbles.running(eab=True) as pebble:
        with pytest.raises(BadConfiguration, match="--eab-kid"):
            await issuer_of(pebble, tmp_path).issue(requesting(["a.test"]), Role.API)
        server = server_of(pebble, eab=True)
        assert server.external is not None
        issuer = issuer_of(pebble, tmp_path, server=server)
        await issuer.issue(requesting(["a.test"]), Role.API)
        assert server.external.mac_key not in repr(issuer._server)


async def test_the_key_of_an_account_is_its_owners_alone(pebble: Pebble, tmp_path: Path) -> None:
    await issuer_of(pebble, tmp_path / "acme").issue(requesting(["a.test"]), Role.API)
    assert all(not path.stat().st_mode & 0o077 for path in (tmp_path / "acme").rglob("*"))
    account = stored(Accounts(tmp_path / "acme"))
    assert isinstance(account, Account)
    assert "PrivateKey" not in repr(account)
    assert isinstance(issuer_of(pebble, tmp_path), AcmeIssuer)
