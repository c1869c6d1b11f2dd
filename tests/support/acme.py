"""An ACME client as tests use it, against a server on loopback ports."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.certstore.accounts import Accounts
from hermetic.clock import TurnedClock, system_clock
from hermetic.issuers.acme import dns01
from hermetic.issuers.acme.alpn01 import AlpnPort
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.http01 import OwnPort, Webroot
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.issuers.acme.order import Proof
from hermetic.issuers.acme.proving import Prover
from hermetic.tls.contexts import client_context, server_context
from tests.support.acme_server import AcmeServer
from tests.support.pebble import EAB, Pebble

HERE = ["127.0.0.1"]


def server_of(pebble: Pebble, *, eab: bool = False, root: str = "", profile: str = "") -> Server:
    """Return what the client is told of *pebble*."""
    external = ExternalAccount(*EAB) if eab else None
    context = ssl.create_default_context(cafile=str(pebble.ca))
    contact = ("admin@example.com",)
    return Server(pebble.directory, context, contact, True, external, profile, root)


class ToldDns:
    """Proves by the DNS that Pebble asks, which does as it is told."""

    kind = "dns-01"

    def __init__(self, pebble: Pebble) -> None:
        self._pebble = pebble

    async def present(self, proof: Proof) -> None:
        value = dns01.record_value(proof)
        host = dns01.record_name(proof.name)
        await asyncio.to_thread(self._pebble.tell_dns, "set-txt", host=host, value=value)

    async def sweep(self) -> None:
        return

    async def withdraw(self, proof: Proof) -> None:
        host = dns01.record_name(proof.name)
        await asyncio.to_thread(self._pebble.tell_dns, "clear-txt", host=host)


def provers(pebble: Pebble) -> dict[str, Prover]:
    """Return who proves on the ports that *pebble* looks at, by kind."""
    made: list[Prover] = [
        OwnPort(pebble.http_port, HERE),
        AlpnPort(server_context, pebble.tls_port, HERE),
        ToldDns(pebble),
    ]
    return {one.kind: one for one in made}


def issuer_of(
    pebble: Pebble,
    folder: Path,
    *kinds: str,
    server: Server | None = None,
    prover: Prover | None = None,
) -> AcmeIssuer:
    """Return a client whose account lies in *folder*, and which proves by *kinds*."""
    can = provers(pebble)
    chosen = [prover] if prover else [can[kind] for kind in kinds or ("http-01",)]
    kept = Accounts(folder)
    return AcmeIssuer(server or server_of(pebble), kept, chosen, Chance(system_clock))


def requesting(
    names: Sequence[str], kind: KeyKind = KeyKind.EC_P256
) -> x509.CertificateSigningRequest:
    """Return a request with a new key."""
    return request(generate(kind), names=names)


def pausing(clock: TurnedClock) -> Callable[[float], Awaitable[None]]:
    async def pause(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    return pause


def client(
    server: AcmeServer,
    clock: TurnedClock,
    folder: Path,
    *,
    profile: str = "",
    prover: Prover | None = None,
    limited: bool = False,
) -> AcmeIssuer:
    """Return a client, as one that was started again is."""
    (folder / "www").mkdir(exist_ok=True)
    context = client_context(server.ca)
    told = Server(server.directory, context, agreed=True, profile=profile, limited=limited)
    chance = Chance(clock, pausing(clock), lambda: 0.5)
    return AcmeIssuer(told, Accounts(folder / "acme"), [prover or Webroot(folder / "www")], chance)


async def issued(issuer: AcmeIssuer, *, replacing: Chain | None = None) -> Chain:
    chain = await issuer.issue(requesting(["a.test"]), Role.API, replacing=replacing)
    assert chain.names == ("a.test",)
    return chain
