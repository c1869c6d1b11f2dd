"""The whole of RFC 8555 against Pebble, which judges strictly."""

import asyncio
import time
from collections.abc import Callable
from itertools import cycle, product
from pathlib import Path

import pytest
from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role, check
from hermetic.certstore.accounts import Accounts
from hermetic.errors import BadConfiguration, CertificateRejected
from hermetic.issuers.acme.conversation import stored
from hermetic.issuers.acme.http01 import Webroot
from tests.support import pebble as pebbles
from tests.support.acme import issuer_of, requesting, server_of
from tests.support.pebble import Pebble, needs_pebble

pytestmark = [needs_pebble, pytest.mark.slow, pytest.mark.system]

KINDS = ("http-01", "tls-alpn-01", "dns-01")
KEYS = (KeyKind.EC_P256, KeyKind.RSA_2048, KeyKind.EC_P384)


def judge(chain: Chain, request: x509.CertificateSigningRequest, names: list[str]) -> None:
    assert chain.leaf.public_key() == request.public_key()
    assert set(chain.names) == set(names)
    check(chain, Role.API)
    for below, above in zip(chain.certificates, chain.issuers, strict=False):
        below.verify_directly_issued_by(above)


@pytest.mark.judged("Pebble 2.4, set-ups of chain, reuse and EAB with three challenges and keys")
@pytest.mark.parametrize(
    ("length", "reuse", "eab"), list(product((1, 2, 3, 4), ("0", "50", "100"), (False, True)))
)
async def test_every_challenge_key_and_chain(
    tmp_path: Path, length: int, reuse: str, eab: bool
) -> None:
    """Three certificates in each of 24 set-ups: 72 combinations."""
    keys = cycle(KEYS[(length + eab) % 3 :] + KEYS)
    environment = {"PEBBLE_CHAIN_LENGTH": str(length), "PEBBLE_AUTHZREUSE": reuse}
    environment["PEBBLE_ALTERNATE_ROOTS"] = "1"
    with pebbles.running(environment, eab=eab) as pebble:
        other = x509.load_pem_x509_certificate(pebble.root(1))
        wanted = other.subject.rfc4514_string().removeprefix("CN=")
        roots = (other, x509.load_pem_x509_certificate(pebble.root(0)))
        for kind in KINDS:
            key, prefers = next(keys), kind == "tls-alpn-01"
            server = server_of(pebble, eab=eab, root=wanted if prefers else "")
            issuer = issuer_of(pebble, tmp_path / kind, kind, server=server)
            names = ["a.test", "b.a.test"] + (["*.a.test"] if kind == "dns-01" else [])
            request = requesting(names, key)
            chain = await issuer.issue(request, Role.API)
            judge(chain, request, names)
            assert len(chain.issuers) == length
            chain.certificates[-1].verify_directly_issued_by(roots[0 if prefers else 1])


@pytest.mark.parametrize(("rejected", "least"), [("50", 50), ("90", 48)])
async def test_nonces_may_be_refused(
    tmp_path: Path, rejected: str, least: int, show: Callable[[str], None]
) -> None:
    took: list[float] = []
    with pebbles.running({"PEBBLE_WFE_NONCEREJECT": rejected}) as pebble:

        async def one(number: int) -> None:
            issuer = issuer_of(pebble, tmp_path / str(number), "dns-01")
            request, began = requesting([f"n{number}.test"]), time.monotonic()
            try:
                async with asyncio.timeout(60):
                    judge(await issuer.issue(request, Role.API), request, [f"n{number}.test"])
                took.append(time.monotonic() - began)
            except TimeoutError:
                return

        for first in range(0, 50, 10):
            await asyncio.gather(*(one(number) for number in range(first, first + 10)))
    show(
        f"{rejected} % of nonces refused: {len(took)} of 50 issued, the slowest in {max(took):.1f} s"
    )
    assert len(took) >= least


async def test_an_address_is_certified(pebble: Pebble, tmp_path: Path) -> None:
    request = requesting(["127.0.0.1"])
    for kind in ("http-01", "tls-alpn-01"):
        chain = await issuer_of(pebble, tmp_path, kind).issue(request, Role.API)
        judge(chain, request, ["127.0.0.1"])


async def test_a_certificate_is_revoked_and_a_second_time_is_no_error(
    pebble: Pebble, tmp_path: Path
) -> None:
    issuer = issuer_of(pebble, tmp_path)
    chain = await issuer.issue(requesting(["a.test"]), Role.API)
    assert pebble.status_of(chain.serial) == "Valid"
    await issuer.revoke(chain, 1)
    assert pebble.status_of(chain.serial) == "Revoked"
    await issuer.revoke(chain, 1)


async def test_an_order_that_was_begun_is_gone_on_with(pebble: Pebble, tmp_path: Path) -> None:
    request = requesting(["a.test"])
    missing = Webroot(tmp_path / "missing")
    with pytest.raises(BadConfiguration, match="missing"):
        await issuer_of(pebble, tmp_path, prover=missing).issue(request, Role.API)
    begun = stored(Accounts(tmp_path))
    assert begun is not None
    assert list(begun.under_way) == ["a.test"]
    chain = await issuer_of(pebble, tmp_path, "dns-01").issue(request, Role.API)
    judge(chain, request, ["a.test"])
    # with that key it is the same, and with another one another
    assert (await issuer_of(pebble, tmp_path).issue(request, Role.API)).serial == chain.serial
    other = await issuer_of(pebble, tmp_path, "dns-01").issue(requesting(["a.test"]), Role.API)
    assert other.serial != chain.serial


async def test_what_cannot_be_proved_is_told_with_the_servers_words(
    pebble: Pebble, tmp_path: Path
) -> None:
    pebble.tell_dns("set-servfail", host="broken.test")
    with pytest.raises(CertificateRejected, match=r"broken\.test.*http-01") as caught:
        await issuer_of(pebble, tmp_path).issue(requesting(["broken.test"]), Role.API)
    assert caught.value.code == "not-proved"
    with pytest.raises(CertificateRejected, match="dns-01") as caught:
        await issuer_of(pebble, tmp_path).issue(requesting(["*.a.test"]), Role.API)
    assert caught.value.code == "no-challenge"
