"""A thousand nodes that have joined one authority, and all of whose certificates are replaced."""

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hermetic import log
from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Accounts
from hermetic.clock import system_clock
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.tls.contexts import TlsProfile, client_context
from tests.support.joining import Own, network, node

NODES, AT_ONCE = 1000, 16
_ROOT_WITHIN_S = 300


@dataclass(frozen=True)
class Replaced:
    """What became of the nodes."""

    nodes: int
    seconds: float
    """From the first question, whether to renew, to the last new certificate."""
    failed: int
    """How many did not get another one, below the next root."""


@dataclass
class Joined:
    """One of the nodes: its account with the authority, and what it was certified by last."""

    name: str
    issuer: AcmeIssuer
    chain: Chain | None = None

    async def certified(self) -> None:
        """Have a certificate, in place of the last one."""
        request = signing.request(generate(), names=[self.name])
        self.chain = await self.issuer.issue(request, Role.COMPUTE, replacing=self.chain)


def replaced(nodes: int = NODES) -> Replaced:
    """Let that many nodes join a web node, replace its root, and time how all are certified anew."""
    quietly = log.for_a_command(node="bench", level=logging.WARNING)
    with tempfile.TemporaryDirectory() as name, quietly:
        folder = Path(name)
        web = node("web", folder / "web", {}, f"{network()}.1")
        web.start()
        try:
            with web.client(web.token()) as client:
                return asyncio.run(_replaced(web, client, folder, nodes))
        finally:
            web.stop()


async def _replaced(web: Own, client: httpx2.Client, folder: Path, nodes: int) -> Replaced:
    fleet = [_joining(web, client, folder, f"n{number}.test") for number in range(nodes)]
    await _each(fleet, Joined.certified)
    former = {one.name: one.chain for one in fleet}
    client.post("/authority/replace").raise_for_status()
    await _each(fleet, _trusts)
    await _until_replaced(client)
    began = time.perf_counter()
    failures = await _each(fleet, _renewed)
    seconds = time.perf_counter() - began
    same = [one for one in fleet if one.chain is None or one.chain == former[one.name]]
    return Replaced(nodes, seconds, len(failures) + len(same))


def _joining(web: Own, client: httpx2.Client, folder: Path, name: str) -> Joined:
    answer = client.post("/enrolments", json={"names": [name], "roles": ["compute"]})
    given: dict[str, Any] = answer.raise_for_status().json()
    server = Server(
        f"{web.url}/acme/directory",
        client_context(web.ca.read_bytes(), profile=TlsProfile.INTERMEDIATE),
        agreed=True,
        external=ExternalAccount(given["id"], given["macKey"]),
    )
    kept = Accounts(folder / "accounts" / name)
    return Joined(name, AcmeIssuer(server, kept, [], Chance(system_clock)))


async def _trusts(one: Joined) -> None:
    """Take over the roots, and say so: as long as one does not, the next root does not sign."""
    told = await one.issuer.trusted(())
    roots = x509.load_pem_x509_certificates("".join(told.roots).encode())
    await one.issuer.trusted([root.fingerprint(SHA256()).hex() for root in roots])


async def _renewed(one: Joined) -> None:
    """Ask when to renew, and do so; the moments that nodes would choose are not waited for."""
    if one.chain is None:
        raise AssertionError(f"{one.name} was never certified.")
    suggestion = await one.issuer.suggested(one.chain)
    if suggestion is None or suggestion.window.start > system_clock():
        raise AssertionError(f"{one.name} was not told to renew.")
    await one.certified()


async def _until_replaced(client: httpx2.Client) -> None:
    for _ in range(_ROOT_WITHIN_S):
        if client.get("/authority").raise_for_status().json()["state"] == "replaced":
            return
        await asyncio.sleep(1)
    raise AssertionError("The next root does not sign, although everybody trusts it.")


async def _each(
    fleet: Sequence[Joined], work: Callable[[Joined], Awaitable[None]]
) -> list[BaseException]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(node: Joined) -> None:
        async with turns:
            await work(node)

    ended = await asyncio.gather(*(one(each) for each in fleet), return_exceptions=True)
    return [each for each in ended if isinstance(each, BaseException)]
