"""Accounts of our ACME server: a token serves once, and is worth nothing without its secret."""

import json

import pytest

from hermetic.access.principals import Role
from hermetic.certificates.keys import KeyKind, generate
from hermetic.issuers.acme import jose
from hermetic.issuers.acme.jose import ExternalAccount
from tests.support.speaker import Speaker, code, joined, token
from tests.support.webnode import WebNode


async def test_a_token_becomes_an_account_once(web: WebNode) -> None:
    given = await token(web)
    first, second = Speaker(web.anybody()), Speaker(web.anybody())
    answer = await first.join(given, contact=["mailto:ops@example.com"])
    assert answer.status_code == 201
    assert answer.json()["contact"] == ["mailto:ops@example.com"]
    assert code(await second.join(given)) == "unauthorized"
    again = await first.join(given)
    assert (again.status_code, again.headers["location"]) == (200, answer.headers["location"])


async def test_a_known_key_finds_its_account_without_a_token(web: WebNode) -> None:
    speaker = await joined(web)
    found = await speaker.post("new-account", {"onlyReturnExisting": True}, kid="")
    assert (found.status_code, found.headers["location"]) == (200, speaker.kid)
    stranger = Speaker(web.anybody())
    refused = await stranger.post("new-account", {"onlyReturnExisting": True})
    assert code(refused) == "accountDoesNotExist"


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.EC_P384, KeyKind.ED25519])
async def test_accounts_may_have_keys_of_every_kind(web: WebNode, kind: KeyKind) -> None:
    speaker = Speaker(web.anybody(), generate(kind))
    assert (await speaker.join(await token(web))).status_code == 201
    assert (await speaker.certified("a.test")).subject


async def test_nobody_joins_without_a_token_or_with_a_forged_one(web: WebNode) -> None:
    speaker, given = Speaker(web.anybody()), await token(web)
    assert code(await speaker.post("new-account", {})) == "externalAccountRequired"
    other = await token(web)
    assert code(await speaker.join({**given, "macKey": other["macKey"]})) == "unauthorized"
    assert code(await speaker.join({**given, "macKey": "A" * 43})) == "unauthorized"
    assert code(await speaker.join({**given, "id": "unknown"})) == "unauthorized"
    # a binding that was overheard, for a key that is not the sender's
    url = speaker.url("new-account")
    stolen = ExternalAccount(given["id"], given["macKey"]).bound(url, jose.jwk(generate()))
    answer = await speaker.post("new-account", {"externalAccountBinding": stolen})
    assert code(answer) == "malformed"
    assert (await speaker.join(given)).status_code == 201


async def test_a_binding_for_another_address_or_algorithm_is_refused(web: WebNode) -> None:
    speaker, given = Speaker(web.anybody()), await token(web)
    external = ExternalAccount(given["id"], given["macKey"])
    elsewhere = external.bound("https://elsewhere.test/new-account", jose.jwk(speaker.key))
    answer = await speaker.post("new-account", {"externalAccountBinding": elsewhere})
    assert code(answer) == "malformed"
    own = json.loads(jose.signed(b"{}", speaker.key, url=speaker.url("new-account"), nonce="n"))
    answer = await speaker.post("new-account", {"externalAccountBinding": own})
    assert code(answer) in {"malformed", "badSignatureAlgorithm"}


async def test_a_token_that_was_taken_back_or_is_late_makes_no_account(web: WebNode) -> None:
    given = await token(web)
    assert (await web.client.delete(f"/enrolments/{given['id']}")).json() == {"revoked": 0}
    assert code(await Speaker(web.anybody()).join(given)) == "unauthorized"


async def test_an_expelled_account_is_told_so_and_gets_nothing(web: WebNode) -> None:
    speaker = await joined(web)
    (listed,) = (await web.client.get("/enrolments")).json()
    await web.client.delete(f"/enrolments/{listed['id']}")
    for path in ("new-order", "trust", f"account/{listed['id']}"):
        answer = await speaker.post(path, {})
        assert (answer.status_code, code(answer)) == (401, "unauthorized")
    assert code(await speaker.post("new-account", {}, kid="")) == "unauthorized"


async def test_an_account_changes_its_contacts_and_gives_itself_up(web: WebNode) -> None:
    speaker = await joined(web)
    changed = await speaker.post(speaker.kid, {"contact": ["mailto:new@example.com"]})
    assert changed.json()["contact"] == ["mailto:new@example.com"]
    assert (await speaker.post(speaker.kid)).json()["contact"] == ["mailto:new@example.com"]
    for wrong, expected in (
        (["tel:1"], "unsupportedContact"),
        (["mailto:" + "a" * 300], "invalidContact"),
        ("mailto:a", "malformed"),
    ):
        assert code(await speaker.post(speaker.kid, {"contact": wrong})) == expected
    ended = await speaker.post(speaker.kid, {"status": "deactivated"})
    assert ended.json()["status"] == "deactivated"
    assert code(await speaker.post(speaker.kid)) == "unauthorized"


async def test_no_account_sees_or_changes_another(web: WebNode) -> None:
    one, other = await joined(web), await joined(web)
    answer = await one.post(other.kid, {"status": "deactivated"})
    assert code(answer) == "unauthorized"
    assert (await other.post(other.kid)).json()["status"] == "valid"
    assert code(await one.post(other.kid, kid=other.kid)) == "unauthorized"


async def test_an_account_takes_another_key(web: WebNode) -> None:
    speaker = await joined(web)
    before, after = speaker.key, generate()
    url = speaker.url("key-change")
    payload = {"account": speaker.kid, "oldKey": jose.jwk(before)}
    inner = jose.inner(payload, after, url=url)
    assert (await speaker.post("key-change", inner)).status_code == 200
    assert code(await speaker.post(speaker.kid)) == "unauthorized"
    speaker.key = after
    assert (await speaker.post(speaker.kid)).status_code == 200


async def test_a_change_of_keys_that_is_not_by_both_is_refused(web: WebNode) -> None:
    speaker, other = await joined(web), await joined(web)
    url, old = speaker.url("key-change"), jose.jwk(speaker.key)
    right = {"account": speaker.kid, "oldKey": old}
    taken = jose.inner(right, other.key, url=url)
    assert code(await speaker.post("key-change", taken)) == "conflict"
    for payload, address in (
        ({**right, "account": other.kid}, url),
        ({**right, "oldKey": jose.jwk(other.key)}, url),
        ({"account": speaker.kid}, url),
        (right, speaker.url("new-order")),
    ):
        inner = jose.inner(payload, generate(), url=address)
        assert code(await speaker.post("key-change", inner)) == "malformed"
    forged = jose.inner(right, generate(), url=url) | {"signature": "AAAA"}
    assert code(await speaker.post("key-change", forged)) == "unauthorized"


async def test_orders_are_listed(web: WebNode) -> None:
    speaker = await joined(web)
    made = (await speaker.order("a.test")).headers["location"]
    assert (await speaker.post(f"{speaker.kid}/orders")).json() == {"orders": [made]}


async def test_only_an_owner_gives_tokens(web: WebNode) -> None:
    async with web.holding("somebody", Role.CONTRIBUTOR) as other:
        body = {"names": ["a.test"], "roles": ["api"]}
        assert (await other.post("/enrolments", json=body)).status_code == 403
