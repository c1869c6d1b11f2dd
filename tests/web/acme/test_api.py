"""Our ACME server as a whole: what its directory says, and whom to trust."""

from cryptography import x509

from hermetic.certificates.chain import Chain
from tests.support.speaker import code, joined
from tests.support.webnode import WebNode


async def test_the_directory_says_where_all_is(web: WebNode) -> None:
    async with web.anybody() as anybody:
        answer = await anybody.get("/acme/directory")
        told = answer.json()
        assert told["meta"]["externalAccountRequired"] is True
        assert set(told["meta"]["profiles"]) == {"api", "compute", "authentication"}
        assert told["newOrder"] == f"http://127.0.0.1:{web.port}/acme/new-order"
        assert answer.headers["replay-nonce"]
        nonce = await anybody.get("/acme/new-nonce")
        assert (nonce.status_code, nonce.content) == (204, b"")


async def test_the_roots_are_told_to_everybody(web: WebNode) -> None:
    async with web.anybody() as anybody:
        answer = await anybody.get("/acme/roots")
    (root,) = x509.load_pem_x509_certificates(answer.content)
    assert root.subject == root.issuer


async def test_a_revocation_list_is_there_for_the_key_that_signs(web: WebNode) -> None:
    speaker = await joined(web)
    leaf = await speaker.certified("a.test")
    signer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert signer.key_identifier is not None
    name = signer.key_identifier.hex()
    async with web.anybody() as anybody:
        answer = await anybody.get(f"/acme/revoked/{name}.crl")
        found = x509.load_der_x509_crl(answer.content)
        assert (found.issuer, len(found)) == (leaf.issuer, 0)
        assert answer.headers["content-type"] == "application/pkix-crl"
        missing = await anybody.get("/acme/revoked/00.crl")
        assert (missing.status_code, code(missing)) == (404, "malformed")


async def test_an_account_is_told_whom_to_trust_and_says_whom_it_does(web: WebNode) -> None:
    speaker = await joined(web)
    told = (await speaker.post("trust", {"holds": []})).json()
    (root,) = x509.load_pem_x509_certificates("".join(told["roots"]).encode())
    assert told["revocationLists"] == []
    sha256 = Chain((root,)).sha256
    await speaker.post("trust", {"holds": [sha256, "F" * 64]})
    (listed,) = (await web.client.get("/enrolments")).json()
    assert listed["holds"] == [sha256]
    assert listed["seenAt"] is not None


async def test_nobody_else_is(web: WebNode) -> None:
    speaker = await joined(web)
    speaker.kid += "x"
    assert code(await speaker.post("trust", {"holds": []})) == "accountDoesNotExist"
    wrong = await joined(web)
    assert code(await wrong.post("trust", {"holds": "x"})) == "malformed"
