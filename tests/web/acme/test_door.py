"""Attacks on the door of our ACME server: nothing counts but what is signed, addressed and new."""

import asyncio
import base64
import hmac
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm

from hermetic.certificates.keys import generate
from hermetic.issuers.acme import jose
from hermetic.registry.orders import Order
from tests.support.speaker import JOSE, Speaker, b64, code, joined, token
from tests.support.webnode import WebNode

ORDER = json.dumps({"identifiers": [{"type": "dns", "value": "a.test"}]}).encode()


async def signed(
    speaker: Speaker, *, url: str = "", nonce: str = "", kid: str = ""
) -> dict[str, str]:
    url = url or speaker.url("new-order")
    nonce = nonce or await speaker.nonce()
    made = jose.signed(ORDER, speaker.key, url=url, nonce=nonce, kid=kid or speaker.kid)
    return dict(json.loads(made))


async def refused(speaker: Speaker, body: dict[str, object]) -> str:
    url = speaker.url("new-order")
    return code(await speaker.send(url, json.dumps(body).encode()))


async def test_a_request_is_taken_once(web: WebNode) -> None:
    speaker = await joined(web)
    body = json.dumps(await signed(speaker)).encode()
    url = speaker.url("new-order")
    answers = await asyncio.gather(*(speaker.send(url, body) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [201] + [400] * 7
    assert {code(one) for one in answers if one.status_code == 400} == {"badNonce"}
    assert all(one.headers["replay-nonce"] for one in answers)


async def test_a_request_for_another_address_is_refused(web: WebNode) -> None:
    speaker = await joined(web)
    for url in (
        speaker.url("revoke-cert"),
        "https://elsewhere.test/acme/new-order",
        speaker.url("new-order") + "?x=1",
        "",
    ):
        body = await signed(speaker, url=url or "none")
        assert await refused(speaker, {**body}) == "unauthorized"


async def test_what_was_changed_on_the_way_is_refused(web: WebNode) -> None:
    speaker = await joined(web)
    body = await signed(speaker)
    other = b64({"identifiers": [{"type": "dns", "value": "b.test"}]})
    assert await refused(speaker, {**body, "payload": other}) == "unauthorized"
    assert await refused(speaker, {**body, "signature": ""}) == "unauthorized"
    assert await refused(speaker, {**body, "signature": b64(b"\0" * 64)}) == "unauthorized"


async def test_another_key_speaks_for_nobody_else(web: WebNode) -> None:
    speaker, thief = await joined(web), Speaker(web.anybody())
    assert code(await thief.post("new-order", {}, kid=speaker.kid)) == "unauthorized"
    assert code(await thief.post("new-order", {})) == "malformed"  # nobody's key


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "ES384"},
        {"alg": None},
        {"crit": ["exp"]},
        {"b64": False},
        {"jwk": {"kty": "EC"}},
        {"kid": None},
        {"kid": "https://elsewhere.test/acme/account/1"},
        {"kid": "/acme/account/../account/1"},
        {"nonce": None},
        {"nonce": "AAAA"},
        {"nonce": "A" * 48},
    ],
)
async def test_a_header_of_ones_own_is_refused(web: WebNode, header: dict[str, object]) -> None:
    speaker = await joined(web)
    body = await signed(speaker)
    padded = body["protected"] + "=" * (-len(body["protected"]) % 4)
    told = json.loads(base64.urlsafe_b64decode(padded)) | header
    told = {name: value for name, value in told.items() if value is not None}
    protected = b64(told)
    # signed anew, so that nothing but the header is wrong
    raw = f"{protected}.{body['payload']}".encode()
    assert isinstance(speaker.key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(speaker.key.sign(raw, ec.ECDSA(hashes.SHA256())))
    signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    answer = await refused(
        speaker, {"protected": protected, "payload": body["payload"], "signature": signature}
    )
    assert answer in {
        "badSignatureAlgorithm",
        "unauthorized",
        "malformed",
        "accountDoesNotExist",
        "badNonce",
        "badPublicKey",
    }


async def test_the_public_key_of_an_account_is_no_secret_to_sign_with(web: WebNode) -> None:
    """The old trick: HS256 with a key that everybody knows."""
    speaker = await joined(web)
    public = json.dumps(jose.jwk(speaker.key), sort_keys=True).encode()
    header = {"kid": speaker.kid, "url": speaker.url("new-order"), "nonce": await speaker.nonce()}
    protected, payload = b64({"alg": "HS256", **header}), b64(ORDER)
    mac = b64(hmac.digest(public, f"{protected}.{payload}".encode(), "sha256"))
    made: dict[str, object] = {"protected": protected, "payload": payload, "signature": mac}
    assert await refused(speaker, made) == "badSignatureAlgorithm"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"protected": 1}',
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps({"protected": "!!", "payload": "", "signature": ""}).encode(),
        json.dumps({"protected": b64([1]), "payload": "", "signature": ""}).encode(),
        json.dumps({"payload": "", "signatures": []}).encode(),
    ],
)
async def test_what_is_no_signed_request_is_refused(web: WebNode, body: bytes) -> None:
    speaker = Speaker(web.anybody())
    answer = await speaker.send(speaker.url("new-account"), body)
    assert (answer.status_code, code(answer)) == (400, "malformed")


async def test_an_unprotected_header_is_refused(web: WebNode) -> None:
    speaker = await joined(web)
    assert await refused(speaker, {**await signed(speaker), "header": {"kid": "x"}}) == "malformed"


async def test_another_content_type_and_a_huge_body_are_refused(web: WebNode) -> None:
    async with web.anybody() as anybody:
        plain = await anybody.post("/acme/new-order", content=b"{}")
        assert (plain.status_code, code(plain)) == (415, "malformed")
        huge = await anybody.post("/acme/new-order", content=b"{" * 70_000, headers=JOSE)
        assert huge.status_code == 413
        assert (await anybody.get("/acme/new-order")).status_code in {401, 405}


async def test_a_private_key_that_is_shown_is_not_taken(web: WebNode) -> None:
    speaker, key = Speaker(web.anybody()), generate()
    shown = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(key, as_dict=True)  # type: ignore[call-overload]
    url = speaker.url("new-account")
    header = {"jwk": shown, "url": url, "nonce": await speaker.nonce()}
    made = jose._flattened(b"{}", key, "ES256", header)
    answer = await speaker.send(url, json.dumps(made).encode())
    assert code(answer) == "badPublicKey"


async def test_three_hundred_orders_in_three_hours_are_enough(web: WebNode) -> None:
    speaker = await joined(web)
    assert web.cases.certifying is not None
    certifying = web.cases.certifying.certifying
    orders = certifying._orders
    (account,) = await certifying._enrolments.all()
    now = account.created_at
    for number in range(300):
        await orders.add(Order(f"{number}", account.id, "api", ("a.test",), "", now, now))
    answer = await speaker.order("a.test")
    assert (answer.status_code, code(answer)) == (429, "rateLimited")
    assert 10_000 < int(answer.headers["retry-after"]) <= 10_801


async def test_secrets_are_in_no_log_and_no_listing(
    web: WebNode, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await token(web)
    await Speaker(web.anybody()).join(given)
    listed = (await web.client.get("/enrolments")).text
    out = capsys.readouterr()
    assert given["macKey"] not in listed + out.out + out.err


@pytest.mark.slow
async def test_a_stranger_fills_no_table(web: WebNode) -> None:
    """Anybody can make keys and sign; nothing of that may cost a write."""
    assert web.cases.certifying is not None
    for _ in range(20):
        stranger = Speaker(web.anybody())
        assert code(await stranger.post("new-account", {})) == "externalAccountRequired"
        assert code(await stranger.post("revoke-cert", {"certificate": "AAAA"})) == "malformed"
    orders = web.cases.certifying.certifying._orders
    assert await orders._database.read("SELECT nonce FROM spent_nonces") == []
    given = await token(web)
    speaker = Speaker(web.anybody())
    nonce = await speaker.nonce()
    assert (await speaker.join(given)).status_code == 201
    assert len(await orders._database.read("SELECT nonce FROM spent_nonces")) == 1
    assert nonce
