"""Our authority for others, real but for the HTTP in front of it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from hermetic.access.principals import Principal, Role
from hermetic.certificates.keys import generate
from hermetic.certificates.signing import request
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import RefusedByIssuer
from hermetic.gateway.certifying import Books, Certifying
from hermetic.gateway.joining import Joining
from hermetic.gateway.replacing import Replacing
from hermetic.gateway.trusted import Trusted
from hermetic.issuers.authority import Authority
from hermetic.registry.enrolments import Enrolment, Enrolments
from hermetic.registry.orders import Order, Orders
from tests.support.authority import ledger_of, opened
from tests.support.disks import SleeplessDisk

OLGA = Principal("olga", Role.OWNER)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Bench:
    authority: Authority
    certifying: Certifying
    joining: Joining
    trusted: Trusted
    replacing: Replacing
    books: Books
    clock: TurnedClock
    ledger: Path

    async def account(self, *names: str, roles: tuple[str, ...] = ("api",)) -> Enrolment:
        token = await self.joining.give(OLGA, roles, names or ("a.test",), HOUR)
        id_ = token.enrolment.id
        return await self.certifying.open_account(id_, f"key of {id_}", [])

    async def certified(self, account: Enrolment, *names: str) -> Order:
        order = await self.certifying.order(account, names or ("a.test",))
        return await self.certifying.finalize(account, order, csr(*(names or ("a.test",))))


def csr(*names: str) -> x509.CertificateSigningRequest:
    return request(generate(), names=names)


def bench_in(folder: Path, database: SqliteDatabase, clock: TurnedClock) -> Bench:
    """Return the authority in *folder*, with its books in *database*."""
    store = FileStore(folder / "authority", disk=SleeplessDisk())
    authority = opened(store, clock)
    books = Books(Enrolments(database, "a", clock), Orders(database, "a", clock))
    certifying = Certifying(authority, books, b"secret", clock)
    trusted = Trusted(authority, books.orders, clock)
    return Bench(
        authority,
        certifying,
        Joining(certifying, books, trusted, clock),
        trusted,
        Replacing(authority, books.enrolments, clock, settled=timedelta()),
        books,
        clock,
        ledger_of(store),
    )


async def refused(awaitable: object) -> str:
    with pytest.raises(RefusedByIssuer) as caught:
        await awaitable  # type: ignore[misc]
    return caught.value.code
