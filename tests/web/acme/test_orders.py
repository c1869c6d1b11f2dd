"""Orders at our ACME server: what the token says is certified, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.keys import generate
from hermetic.certificates.names import names_of
from hermetic.issuers.acme.answered import certificate_id
from tests.support.speaker import Speaker, b64, code, csr, joined
from tests.support.webnode import WebNode


async def test_an_order_is_ready_at_once_and_becomes_a_certificate(web: WebNode) -> None:
    speaker = await joined(web, "a.test", "*.a.test", "10.0.0.1")
    order = await speaker.order("a.test", "*.a.test", "10.0.0.1")
    told = order.json()
    assert (order.status_code, told["status"]) == (201, "ready")
    shown = [(await speaker.post(one)).json() for one in told["authorizations"]]
    assert [one["status"] for one in shown] == ["valid"] * 3
    assert [one["identifier"]["value"] for one in shown] == ["a.test", "a.test", "10.0.0.1"]
    assert [one.get("wildcard", False) for one in shown] == [False, True, False]
    done = await speaker.post(told["finalize"], {"csr": csr(("10.0.0.1", "a.test", "*.a.test"))})
    assert done.json()["status"] == "valid"
    answer = await speaker.post(done.json()["certificate"])
    leaf, intermediate = x509.load_pem_x509_certificates(answer.content)
    leaf.verify_directly_issued_by(intermediate)
    assert set(names_of(leaf)) == {"a.test", "*.a.test", "10.0.0.1"}
    again = await speaker.post(order.headers["location"])
    assert again.json() == done.json()


@pytest.mark.parametrize(
    ("profile", "purpose"),
    [
        ("", ExtendedKeyUsageOID.SERVER_AUTH),
        ("api", ExtendedKeyUsageOID.SERVER_AUTH),
        ("authentication", ExtendedKeyUsageOID.CLIENT_AUTH),
    ],
)
async def test_a_profile_is_a_role_that_the_token_permits(
    web: WebNode, profile: str, purpose: x509.ObjectIdentifier
) -> None:
    speaker = await joined(web, "a.test", roles=("api", "authentication"))
    leaf = await speaker.certified("a.test", profile=profile)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [purpose]


async def test_who_may_serve_may_not_call_compute_nodes(web: WebNode) -> None:
    speaker = await joined(web, "a.test", roles=("compute",))
    for profile in ("authentication", "api", "root", "../api"):
        answer = await speaker.order("a.test", profile=profile)
        assert (answer.status_code, code(answer)) == (400, "invalidProfile")


@pytest.mark.parametrize(
    "name", ["b.test", "x.a.test", "*.a.test", "test", "a.test.evil.test", "10.0.0.2"]
)
async def test_names_beyond_the_token_are_refused(web: WebNode, name: str) -> None:
    speaker = await joined(web, "a.test", "10.0.0.1")
    answer = await speaker.order("a.test", name)
    assert (answer.status_code, code(answer)) == (403, "rejectedIdentifier")
    assert name in answer.json()["detail"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, "malformed"),
        ({"identifiers": []}, "malformed"),
        ({"identifiers": "a.test"}, "malformed"),
        ({"identifiers": [{"type": "dns"}]}, "malformed"),
        ({"identifiers": [{"type": "dns", "value": "a b"}]}, "rejectedIdentifier"),
        ({"identifiers": [{"type": "email", "value": "a.test"}]}, "unsupportedIdentifier"),
        ({"identifiers": [{"type": "dns", "value": "10.0.0.1"}]}, "unsupportedIdentifier"),
        ({"identifiers": [{"type": "dns", "value": "a.test"}] * 101}, "malformed"),
        (
            {
                "identifiers": [{"type": "dns", "value": "a.test"}],
                "notAfter": "2099-01-01T00:00:00Z",
            },
            "malformed",
        ),
    ],
)
async def test_an_order_that_is_none_is_refused(
    web: WebNode, payload: dict[str, object], expected: str
) -> None:
    speaker = await joined(web)
    assert code(await speaker.post("new-order", payload)) == expected


async def test_a_request_for_others_or_by_no_key_is_refused(web: WebNode) -> None:
    speaker = await joined(web, "a.test", "b.test")
    finalize = (await speaker.order("a.test")).json()["finalize"]
    valid = csr(("a.test",))
    for wrong in (
        csr(("b.test",)),
        csr(("a.test", "b.test")),
        "AAAA",
        valid[:-8] + "AAAAAAAA",
        csr(("a.test",), speaker.key),
    ):
        assert code(await speaker.post(finalize, {"csr": wrong})) == "badCSR"
    assert (await speaker.post(finalize, {"csr": valid})).json()["status"] == "valid"


async def test_two_requests_for_one_order_are_one_certificate(web: WebNode) -> None:
    speaker = await joined(web)
    finalize = (await speaker.order("a.test")).json()["finalize"]
    first = await speaker.post(finalize, {"csr": csr(("a.test",))})
    second = await speaker.post(finalize, {"csr": csr(("a.test",))})
    assert first.json()["certificate"] == second.json()["certificate"]


async def test_no_account_sees_or_uses_what_is_anothers(web: WebNode) -> None:
    one, other = await joined(web), await joined(web)
    order = await one.order("a.test")
    done = await one.post(order.json()["finalize"], {"csr": csr(("a.test",))})
    for url in (
        order.headers["location"],
        order.json()["finalize"],
        order.json()["authorizations"][0],
        done.json()["certificate"],
    ):
        answer = await other.post(url, {"csr": csr(("a.test",))})
        assert (answer.status_code, code(answer)) == (404, "malformed")
    missing = await one.post(order.json()["authorizations"][0].removesuffix("0") + "9" * 30)
    assert code(missing) == "malformed"


async def test_a_certificate_is_revoked_by_its_account_or_its_key(web: WebNode) -> None:
    speaker, other = await joined(web), await joined(web)
    key = generate()
    order = (await speaker.order("a.test")).json()
    done = await speaker.post(order["finalize"], {"csr": csr(("a.test",), key)})
    pem = (await speaker.post(done.json()["certificate"])).content
    leaf = x509.load_pem_x509_certificates(pem)[0]
    der = b64(leaf.public_bytes(Encoding.DER))
    assert code(await other.post("revoke-cert", {"certificate": der})) == "unauthorized"
    stranger = Speaker(web.anybody())
    assert code(await stranger.post("revoke-cert", {"certificate": der})) == "unauthorized"
    assert code(await speaker.post("revoke-cert", {"certificate": "AAAA"})) == "malformed"
    wrong = await speaker.post("revoke-cert", {"certificate": der, "reason": 6})
    assert code(wrong) == "badRevocationReason"
    holder = Speaker(web.anybody(), key)
    assert (await holder.post("revoke-cert", {"certificate": der, "reason": 1})).status_code == 200
    assert code(await speaker.post("revoke-cert", {"certificate": der})) == "alreadyRevoked"
    told = (await speaker.post("trust", {"holds": []})).json()
    assert len(told["revocationLists"]) == 1


async def test_what_expelled_accounts_had_is_revoked(web: WebNode) -> None:
    speaker = await joined(web)
    leaf = await speaker.certified("a.test")
    (listed,) = (await web.client.get("/enrolments")).json()
    assert (await web.client.delete(f"/enrolments/{listed['id']}")).json() == {"revoked": 1}
    signer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    async with web.anybody() as anybody:
        answer = await anybody.get(f"/acme/revoked/{(signer.key_identifier or b'').hex()}.crl")
    found = x509.load_der_x509_crl(answer.content)
    assert found.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
    gone = await web.client.delete(f"/enrolments/{listed['id']}")
    assert gone.status_code == 404


async def test_renewal_info_is_near_two_thirds_and_at_once_for_what_was_revoked(
    web: WebNode,
) -> None:
    speaker = await joined(web)
    leaf = await speaker.certified("a.test")
    name = certificate_id(leaf)
    path = f"/acme/renewal-info/{name}"
    async with web.anybody() as anybody:
        answer = await anybody.get(path)
        start = datetime.fromisoformat(answer.json()["suggestedWindow"]["start"])
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        assert 0.59 < (start - leaf.not_valid_before_utc) / life < 0.61
        assert answer.headers["retry-after"] == "300"
        await speaker.post("revoke-cert", {"certificate": b64(leaf.public_bytes(Encoding.DER))})
        now = datetime.fromisoformat((await anybody.get(path)).json()["suggestedWindow"]["end"])
        assert now - datetime.now(UTC) <= timedelta(minutes=10)
        for unknown in ("x", "AAAA.AAAA", name[:-4] + "AAAA", f"AAAA.{name.rpartition('.')[2]}"):
            assert (await anybody.get(f"/acme/renewal-info/{unknown}")).status_code == 404


async def test_a_certificate_is_replaced_once(web: WebNode) -> None:
    speaker, other = await joined(web), await joined(web)
    name = certificate_id(await speaker.certified("a.test"))
    assert (await other.order("a.test", replaces=name)).status_code == 404
    assert (await speaker.order("a.test", replaces=name)).status_code == 201
    again = await speaker.order("a.test", replaces=name)
    assert (again.status_code, code(again)) == (409, "alreadyReplaced")
