"""What every `Prover` does: proofs are findable while they are shown, and nothing else is touched."""

import asyncio
import hashlib
import ssl
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from cryptography import x509

from hermetic.clock import system_clock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.issuers.acme.alpn01 import PROTOCOL, AlpnPort, server_name
from hermetic.issuers.acme.dns01 import Program, record_name, record_value
from hermetic.issuers.acme.http01 import OwnPort, Webroot
from hermetic.issuers.acme.order import Proof
from hermetic.issuers.acme.proving import Prover
from hermetic.node.proofs import SharedProofs
from hermetic.node.sharing import Shared
from hermetic.registry.leases import Leases
from hermetic.registry.sealed import SealedDocuments
from hermetic.tls.contexts import server_context
from tests.support.hops import shown_to
from tests.support.nginx import free_port

HERE = ["127.0.0.1"]
IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
MAKERS = ("webroot", "own port", "alpn port", "program", "everywhere")
PROGRAM = """#!/bin/sh
case $1 in present) : > "$0-$2-$3";; *) rm -f "$0-$2-$3";; esac
"""


class Looking(Protocol):
    """Whoever validates."""

    async def __call__(self, proof: Proof) -> bool: ...


@dataclass
class Made:
    prover: Prover
    finds: Looking

    def proof(self, name: str, token: str) -> Proof:
        return Proof(self.prover.kind, name, token, f"{token}.print")


def in_folder(folder: Path) -> Looking:
    async def finds(proof: Proof) -> bool:
        path = folder / ".well-known" / "acme-challenge" / proof.token
        return path.exists() and path.read_text() == proof.answer

    return finds


def at_port(port: int) -> Looking:
    async def finds(proof: Proof) -> bool:
        try:
            reader, writer = await asyncio.open_connection(HERE[0], port)
        except ConnectionRefusedError:
            return False
        path = f"/.well-known/acme-challenge/{proof.token}"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {proof.name}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer.endswith(b"\r\n\r\n" + proof.answer.encode())

    return finds


def in_handshake(port: int) -> Looking:
    async def finds(proof: Proof) -> bool:
        try:
            leaf, _ = await shown_to(port, server_name(proof.name), PROTOCOL)
        except (ConnectionRefusedError, ConnectionResetError, ssl.SSLError):
            return False
        digest = hashlib.sha256(proof.answer.encode()).digest()
        found = leaf.extensions.get_extension_for_oid(IDENTIFIER).value.public_bytes()
        return bool(found[2:] == digest)

    return finds


def by_program(path: Path) -> Looking:
    async def finds(proof: Proof) -> bool:
        return Path(f"{path}-{record_name(proof.name)}-{record_value(proof)}").exists()

    return finds


@pytest.fixture(params=MAKERS)
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Made]:
    port = free_port()
    if request.param == "webroot":
        yield Made(Webroot(tmp_path), in_folder(tmp_path))
    elif request.param == "own port":
        yield Made(OwnPort(port, HERE), at_port(port))
    elif request.param == "alpn port":
        yield Made(AlpnPort(server_context, port, HERE), in_handshake(port))
    elif request.param == "program":
        path = tmp_path / "change"
        path.write_text(PROGRAM)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        yield Made(Program(path), by_program(path))
    else:
        database = SqliteDatabase(tmp_path / "db")
        await database.open()
        sealed, leases = SealedDocuments(database, b"k" * 32), Leases(database, system_clock)
        shared = Shared("api", sealed, leases)
        assert await shared.take()
        plain = Webroot(tmp_path)
        (prover,) = SharedProofs(shared, [plain], system_clock, _at_once).provers()
        yield Made(prover, in_folder(tmp_path))
        await database.close()


async def _at_once(_: float) -> None:
    return


async def test_it_is_findable_from_then_on_until_it_is_taken_away(made: Made) -> None:
    proof = made.proof("a.test", "one")
    assert not await made.finds(proof)
    await made.prover.present(proof)
    assert await made.finds(proof)
    assert not await made.finds(made.proof("a.test", "other"))
    await made.prover.withdraw(proof)
    assert not await made.finds(proof)


async def test_several_are_shown_at_once_and_each_is_taken_away_alone(made: Made) -> None:
    first, second = made.proof("a.test", "one"), made.proof("b.test", "two")
    await asyncio.gather(made.prover.present(first), made.prover.present(second))
    assert await made.finds(first)
    assert await made.finds(second)
    await made.prover.withdraw(first)
    assert not await made.finds(first)
    assert await made.finds(second)
    await made.prover.withdraw(second)


async def test_two_of_one_name_do_not_take_each_other_away(made: Made) -> None:
    """A wildcard and its apex, or an order that was begun anew."""
    first, second = made.proof("a.test", "one"), made.proof("a.test", "two")
    await made.prover.present(first)
    await made.prover.present(second)
    await made.prover.withdraw(first)
    assert await made.finds(second)
    await made.prover.withdraw(second)
    assert not await made.finds(second)


async def test_to_take_away_what_is_not_there_does_no_harm(made: Made) -> None:
    proof, other = made.proof("a.test", "one"), made.proof("b.test", "two")
    await made.prover.withdraw(proof)
    await made.prover.present(other)
    await made.prover.withdraw(proof)
    await made.prover.withdraw(proof)
    assert await made.finds(other)
    await made.prover.sweep()
    await made.prover.withdraw(other)
