"""The group of a handshake, heard on real handshakes."""

import asyncio
import ssl

import pytest

from hermetic.certificates.keys import KeyKind
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.tls.exchange import GROUPS, KeyExchange
from tests.support.certificates import Hierarchy, hierarchy, key_of
from tests.support.hops import presenting, serving

OURS = hierarchy()


async def heard(context: ssl.SSLContext, port: int) -> str:
    exchange = KeyExchange(context)
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    writer.close()
    return exchange.group


def trusting(authority: Hierarchy, curve: str | None = None) -> ssl.SSLContext:
    context = client_context(authority.root_pem, profile=TlsProfile.INTERMEDIATE)
    if curve:
        context.set_ecdh_curve(curve)
    return context


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("curve", "name"), [("prime256v1", "P-256"), ("secp384r1", "P-384")])
async def test_the_group_is_the_one_that_both_have(
    newest: ssl.TLSVersion, curve: str, name: str
) -> None:
    # An RSA certificate, since a curve that a client does not name rules its certificates out.
    credential = OURS.issue(key=key_of(KeyKind.RSA_2048))
    async with serving(presenting(credential, newest=newest)) as port:
        assert await heard(trusting(OURS, curve), port) == name


async def test_ours_prefer_a_modern_one() -> None:
    async with serving(presenting(OURS.issue())) as port:
        assert await heard(trusting(OURS), port) in {GROUPS[0x001D], GROUPS[0x11EC]}


async def test_where_nothing_is_heard_nothing_is_said() -> None:
    assert KeyExchange(trusting(OURS)).group == ""
