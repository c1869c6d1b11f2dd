"""A whole web node but for TLS and worker processes: real database, gateway, API and protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx2

from hermetic.access.principals import Principal, Role
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.roles import Role as CertificateRole
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock, system_clock
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.fronts.proxies import Proxies
from hermetic.gateway.access import Access
from hermetic.gateway.accounts import Accounts
from hermetic.gateway.certification import Certification, Kept
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.hosts import OneHost
from hermetic.gateway.nodes import ComputeNodes
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.http.clients import Clients
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.identity.local import LocalAccounts
from hermetic.node.health import Health
from hermetic.node.metrics import Metrics, Sources
from hermetic.node.renewal import Renewal
from hermetic.node.server import NodeServer, bind
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.logins import Logins
from hermetic.registry.nodes import ComputeEntries
from hermetic.registry.services import Services
from hermetic.registry.sessions import SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.web.app import application
from hermetic.web.cases import Insight, UseCases
from hermetic.web.scoring import Scoring, ScoringProtocol
from hermetic.web.standing import Standing, local_backend
from hermetic.wire import status
from hermetic.wiring.certifying import certifier
from hermetic.wiring.own import own_authority
from tests.support.accounts import PASSWORD, MemoryAccounts, fast_passwords
from tests.support.execution import InstantExecution
from tests.support.hosting import PlayedSessions
from tests.support.tokens import signing_key
from tests.support.wire import configured, listen_plainly


@dataclass
class WebNode:
    """A running node and what stands behind it; `client` is logged in as the administrator."""

    port: int
    client: httpx2.AsyncClient
    cases: UseCases
    execution: InstantExecution
    host: PlayedSessions
    health: Health
    clients: Clients[Scoring]
    presented: list[str]
    strangers: list[httpx2.AsyncClient] = field(default_factory=list)

    def anybody(self, token: str | None = None) -> httpx2.AsyncClient:
        """Return a client with *token*, or with none; it is closed with the node."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        made = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, trust_env=False
        )
        self.strangers.append(made)
        return made

    def holding(self, name: str, role: Role) -> httpx2.AsyncClient:
        """Return a client of somebody who exists only in this test."""
        token = f"token-of-{name}"
        TOKENS[token.encode()] = Principal(name, role)
        return self.anybody(token)


TOKENS: dict[bytes, Principal] = {}


class TestedAccess(Access):
    """The real access, which also knows the principals of this test."""

    def authenticate(self, bearer: bytes, digest: bytes = b"") -> Principal:
        known = TOKENS.get(bearer)
        return super().authenticate(bearer, digest) if known is None else known


@asynccontextmanager
async def web_node(
    home: Path,
    *,
    limits: WireLimits | None = None,
    proxies: Proxies | None = None,
    nodes: ComputeNodes | None = None,
    diagnosis: Diagnosis | None = None,
    clock: Clock = system_clock,
) -> AsyncIterator[WebNode]:
    """Run a node in *home* until left; with *nodes* it is no single box, and enrols some.

    The *clock* is that of its authority, as far as that certifies for others.
    """
    database = SqliteDatabase(home / "hermetic.sqlite3")
    await database.open()
    execution, host, routes = InstantExecution(), PlayedSessions(), Routes()
    presented: list[str] = []
    cases = await _use_cases(home, database, execution, host, routes, presented)
    if nodes is not None:
        enrolment = Enrolment(ComputeEntries(database, system_clock), nodes)
        await enrolment.start([])
        cases = replace(cases, enrolment=enrolment)
    authority = own_authority(Home(home), clock)
    acme, _ = certifier(Home(home), authority, database, signing_key(), clock)
    cases = replace(cases, diagnosis=diagnosis, certifying=acme)

    async def database_answers() -> None:
        await database.read("SELECT 1")

    health = Health({"workers": execution.probe, "database": database_answers})
    await health.start()
    clients = _clients(cases, execution, health, routes, limits, proxies)
    server = NodeServer(
        bind("127.0.0.1", 0), listen_plainly, clients, drained=health.drain, grace_s=2.0
    )
    serving = asyncio.create_task(server.serve())
    await server.started.wait()
    pair = await cases.access.login("admin", PASSWORD, "127.0.0.1")
    node = WebNode(
        port=server.ports[0],
        client=httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{server.ports[0]}",
            headers={"authorization": f"Bearer {pair.access_token}"},
            trust_env=False,
        ),
        cases=cases,
        execution=execution,
        host=host,
        health=health,
        clients=clients,
        presented=presented,
    )
    try:
        async with node.client:
            yield node
    finally:
        for one in node.strangers:
            await one.aclose()
        TOKENS.clear()
        server.stop()
        await serving
        await health.stop()
        await database.close()


def _clients(
    cases: UseCases,
    execution: InstantExecution,
    health: Health,
    routes: Routes,
    limits: WireLimits | None,
    proxies: Proxies | None,
) -> Clients[Scoring]:
    metrics = Metrics(Sources(capacity=execution.capacity))
    standing = Standing(
        health,
        backends=lambda: local_backend(health, execution.capacity),
        providers=lambda: {"local": status.leaf(status.PASS)},
        database=("sqlite", "main"),
    )
    app = application(
        cases,
        Insight(health, metrics, standing),
        version="0.0-test",
        limits=limits,
        hsts=b"max-age=1",
        proxies=proxies,
    )
    scoring = Scoring(
        routes=routes,
        authenticate=cases.access.authenticate,
        execution=execution,
        metrics=metrics,
        ids=RequestIds("test"),
        limits=limits,
        hsts=b"max-age=1",
        settle=cases.access.settle,
    )
    return Clients(configured(app), ScoringProtocol, scoring, system_clock)


async def _use_cases(
    home: Path,
    database: SqliteDatabase,
    execution: InstantExecution,
    host: PlayedSessions,
    routes: Routes,
    presented: list[str],
) -> UseCases:
    accounts = LocalAccounts(MemoryAccounts(), fast_passwords())
    await accounts.start(PASSWORD)
    access = TestedAccess(
        provider=accounts,
        logins=Logins(database, system_clock),
        key=signing_key(),
        issuer="test",
        clock=system_clock,
    )
    await access.start()
    bundles = BundleArchive(home / "bundles", home / "unpacked", clock=system_clock)
    await bundles.start()
    snapshots = SnapshotRegistry(database)
    publishing = Publishing(
        services=Services(database),
        snapshots=snapshots,
        bundles=bundles,
        served=Served(
            services=Services(database), bundles=bundles, execution=execution, routes=routes
        ),
        clock=system_clock,
    )
    await publishing.start()
    sessions = Sessions(
        OneHost(host),
        registry=SessionRegistry(database),
        snapshots=snapshots,
        bundles=bundles,
        clock=system_clock,
    )
    await sessions.start()
    certification = await _certification(home, presented)
    return UseCases(
        access,
        Accounts(accounts, access),
        publishing,
        sessions,
        Snapshots(snapshots, bundles),
        certification,
    )


async def _certification(home: Path, presented: list[str]) -> Certification:
    store = FileStore(home / "certificates")
    now = system_clock()
    signing = self_signed(
        generate(KeyKind.EC_P256), name="token signing", now=now, life=timedelta(days=90)
    )
    store.write("token-signing", signing)
    authority = own_authority(Home(home), system_clock)
    renewal = Renewal(store, "api", authority, ["localhost"], CertificateRole.API)
    await renewal.credential()
    return Certification(
        store,
        {"api": Kept("api", "our authority", renewal)},
        system_clock,
        present=lambda entry, credential: presented.append(f"{entry} {credential.chain.serial:x}"),
    )
