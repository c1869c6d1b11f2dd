"""What certificates cost: many to look through, many to trust, one that can be swapped."""

import logging
import os
import ssl
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bench.load import resident_mb
from hermetic import log
from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.renewal import Stage, due_at, stage
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.tls.by_name import ByName
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.reload import SwappingContext
from tests.support.memory_tls import shake
from tests.support.memory_tls import trusting as trusting_client

CERTIFICATES, AUTHORITIES, ROUNDS = 10_000, 1000, 5
PAIRS, HANDSHAKES, FRONT_ENDS = 101, 20, 1000
_NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
_DAY = timedelta(days=1)


def scanned_s() -> float:
    """Return how long it takes to read 10 000 certificates, each its own, and see which are due."""
    root = signing.root(generate(), name="Bench", now=_NOW, life=3652 * _DAY)
    key = generate().public_key()
    ders = [
        signing.leaf(
            root, key, names=[f"n{number}.test"], role=Role.API, now=_NOW, life=90 * _DAY
        ).leaf.public_bytes(Encoding.DER)
        for number in range(CERTIFICATES)
    ]
    later = _NOW + 70 * _DAY

    def scan() -> None:
        chains = (Chain((x509.load_der_x509_certificate(der),)) for der in ders)
        due = [
            one
            for one in chains
            if due_at(one, luck=0.5) <= later or stage(one, later) is not Stage.FRESH
        ]
        if len(due) != CERTIFICATES:
            raise AssertionError(f"{len(due)} of {CERTIFICATES} are due.")

    return _median_s(scan)


@dataclass(frozen=True)
class Trusting:
    """Seconds that a context with 1000 authorities takes."""

    first: float
    """The first that trusts these."""
    further: float
    """Every other one, as a renewal makes it."""
    bare: float
    """What `ssl` takes with nothing of ours."""


def trusting() -> Trusting:
    """Return what a context with 1000 authorities costs."""
    key = generate()
    roots = [
        signing.root(key, name=f"Authority {number}", now=_NOW, life=_DAY).chain.pem
        for number in range(AUTHORITIES + ROUNDS)
    ]
    sets = [b"".join(roots[left : left + AUTHORITIES]) for left in range(ROUNDS)]
    unused, text = iter(sets), sets[-1].decode()
    first = _median_s(lambda: client_context(next(unused)))

    def bare() -> None:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)

    return Trusting(first, _median_s(lambda: client_context(sets[-1])), _median_s(bare))


def swapping() -> float:
    """Return the CPU of a handshake where the certificate can be swapped, against where not."""
    now = datetime.now(UTC)
    root = signing.root(generate(), name="Bench", now=now, life=_DAY)
    key = generate()
    leaf = signing.leaf(
        root, key.public_key(), names=["localhost"], role=Role.API, now=now, life=_DAY / 2
    )
    credential = Credential(leaf, key)
    swapping = SwappingContext(credential, clock=system_clock, role=Role.API).base
    fixed, client = server_context(credential), trusting_client(root.chain.pem)
    ratios = [_cpu_s(swapping, client) / _cpu_s(fixed, client) for _ in range(PAIRS)]
    return statistics.median(ratios)


@dataclass(frozen=True)
class FrontEnds:
    """What a thousand host names on one listener cost."""

    cpu: float
    """CPU of a handshake for one of them, against one for the listener's own name."""
    kilobytes: float
    """Memory of each."""


def front_ends() -> FrontEnds:
    """Return what a thousand host names cost, each with a certificate of its own."""
    now = datetime.now(UTC)
    root = signing.root(generate(), name="Bench", now=now, life=_DAY)

    def made(name: str) -> Credential:
        key = generate()
        leaf = signing.leaf(
            root, key.public_key(), names=[name], role=Role.API, now=now, life=_DAY / 2
        )
        return Credential(leaf, key)

    context = SwappingContext(made("localhost"), clock=system_clock, role=Role.API)
    by_name = ByName(clock=system_clock, role=Role.API)
    offered = {f"n{number}": made(f"n{number}.test") for number in range(FRONT_ENDS)}
    with log.for_a_command(node="bench", level=logging.WARNING):
        by_name.present({"first": made("first.test")})
        before = resident_mb([os.getpid()])
        by_name.present(offered)
    each = (resident_mb([os.getpid()]) - before) * 1024 / FRONT_ENDS
    context.further = by_name.find
    client = trusting_client(root.chain.pem)
    names = [f"n{number * 7 % FRONT_ENDS}.test" for number in range(HANDSHAKES)]
    ratios = [
        _cpu_s(context.base, client, names) / _cpu_s(context.base, client) for _ in range(PAIRS)
    ]
    return FrontEnds(statistics.median(ratios), each)


def _cpu_s(
    server: ssl.SSLContext, client: ssl.SSLContext, names: Sequence[str] = ("localhost",)
) -> float:
    began = time.process_time()
    for number in range(HANDSHAKES):
        if not shake(server, client, names[number % len(names)]).succeeded:
            raise AssertionError("A handshake failed.")
    return time.process_time() - began


def _median_s(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
