"""The root of the authority is replaced twenty times under load, and nobody is ever refused.

One web node and three compute nodes, each with its home, its stores and the trust that a node keeps
up with them; one of them lags.  What goes over HTTP otherwise is handed over here: handshakes are
those of the nodes' own contexts.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.certificates.authorisation import Allowed
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role as CertificateRole
from hermetic.certstore.files import FileStore
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import CertificateRejected
from hermetic.gateway.replacing import Replacing
from hermetic.gateway.trusted import Trusted
from hermetic.issuers.acme.messages import TrustInfo
from hermetic.issuers.roots import Roots
from hermetic.node.renewal import Renewal
from hermetic.registry.enrolments import Enrolment, Enrolments
from hermetic.registry.orders import Orders
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.shown import parsed, shown_on
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.joined import Following, Joined, joined_to, keep
from hermetic.wiring.own import own_authority, own_renewal
from hermetic.wiring.trusting import live_trust
from tests.support.memory_tls import shake
from tests.support.waiting import pause, until

pytestmark = [pytest.mark.system, pytest.mark.slow]

OWNER = Principal("olga", Role.OWNER)
ROUNDS = 20


@dataclass
class Asking:
    """The authority as a node asks it, without the HTTP in between."""

    trusted_by: Trusted
    enrolments: Enrolments
    id: str

    async def trusted(self, holds: Sequence[str]) -> TrustInfo:
        known = await self.trusted_by.fingerprints()
        await self.enrolments.saw(self.id, [one for one in holds if one in known])
        told = await self.trusted_by.told()
        lists = [str(one) for one in told["revocationLists"]]  # type: ignore[attr-defined]
        return TrustInfo(tuple(told["roots"]), tuple(lists))  # type: ignore[arg-type]

    def believe(self, roots: str) -> None:
        assert "BEGIN" in roots


@dataclass
class Compute:
    """A compute node: whom it trusts, what it shows, and how it keeps both up."""

    home: Home
    trust: LiveTrust
    renewal: Renewal
    credential: Credential
    period_s: float
    following: Following

    async def run(self) -> None:
        while True:
            await self.following.once()
            self.trust.allow(Allowed(roots=frozenset(joined_to(self.home).roots)))
            self.credential = await self.renewal.credential()
            await pause(self.period_s * random.uniform(0.5, 1.5))


@dataclass
class Site:
    replacing: Replacing
    web_trust: LiveTrust
    web: Renewal
    shown: Credential
    computes: list[Compute]
    failures: list[str] = field(default_factory=list)
    handshakes: int = 0

    async def load(self) -> None:
        """Let the web node shake hands with every compute node, again and again."""
        while True:
            self.shown = await self.web.credential()
            for one in self.computes:
                self._shake(one)
                self.handshakes += 1
            await pause(0.01)

    def _shake(self, one: Compute) -> None:
        server = server_context(one.credential, client_roots=one.trust.authorities_pem)
        trust = self.web_trust
        client = client_context(trust.authorities_pem, credential=self.shown, judge=trust.judge)
        done = shake(server, client, "compute.test")
        if not done.succeeded:
            self.failures.append(f"{one.home.root.name}: {done.client_error} {done.server_error}")
            return
        try:
            one.trust.judge(parsed(shown_on(done.server)))
        except CertificateRejected as error:
            self.failures.append(f"{one.home.root.name}: {error.text}")


@asynccontextmanager
async def site(folder: Path, periods: Sequence[float]) -> AsyncIterator[Site]:
    home = Home(folder / "web")
    home.create()
    database = SqliteDatabase(home.database)
    await database.open()
    authority = own_authority(home, system_clock)
    enrolments = Enrolments(database, "a", system_clock)
    trusted = Trusted(authority, Orders(database, "a", system_clock), system_clock)
    settled = timedelta(seconds=0.5)
    replacing = Replacing(authority, enrolments, system_clock, settled=settled, look_s=0.02)
    web_trust, keeping = await live_trust(home, CertificateRole.COMPUTE, system_clock)
    web = await own_renewal(home, CertificateRole.AUTHENTICATION, ["web.test"], system_clock)
    shown = await web.credential()
    tasks = [replacing.run(), keeping()]
    computes = []
    for number, period_s in enumerate(periods):
        made, more = await _compute(
            folder / f"compute-{number}", home, period_s, trusted, enrolments
        )
        computes.append(made)
        tasks += more
    whole = Site(replacing, web_trust, web, shown, computes)
    running = [asyncio.ensure_future(one) for one in (*tasks, whole.load())]
    try:
        yield whole
        for one in running:
            assert not one.done(), one.exception()
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await database.close()


async def _compute(
    folder: Path, web: Home, period_s: float, trusted: Trusted, enrolments: Enrolments
) -> tuple[Compute, list[Coroutine[None, None, None]]]:
    home = Home(folder)
    home.create()
    now = system_clock()
    await enrolments.add(
        Enrolment(folder.name, ("compute",), (folder.name,), "olga", now, now + timedelta(hours=1))
    )
    await enrolments.redeem(folder.name, f"key of {folder.name}", ())
    asking = Asking(trusted, enrolments, folder.name)
    joined = Joined("https://web.test/acme/directory", ("compute",), ("compute.test",), ())
    joined = keep(home, joined, await asking.trusted(()))
    role = CertificateRole.COMPUTE
    issuer = own_authority(web, system_clock)
    renewal = Renewal(FileStore(home.certificates), "compute", issuer, ["compute.test"], role)
    allowed = Allowed(roots=frozenset(joined.roots))
    trust, keeping = await live_trust(home, CertificateRole.AUTHENTICATION, system_clock, allowed)
    following = Following(home, asking)
    made = Compute(home, trust, renewal, await renewal.credential(), period_s, following)
    return made, [keeping(), made.run()]


async def replaced(whole: Site) -> None:
    """Replace the root once, from the beginning to the end."""
    authority = whole.replacing._authority
    old = authority.roots[0]
    await whole.replacing.prepare(OWNER)
    await until(lambda: authority.roots[0] != old)
    new = authority.issuing.leaf.subject

    def is_new() -> bool:
        shown = [whole.shown, *(one.credential for one in whole.computes)]
        return all(one.chain.leaf.issuer == new for one in shown)

    await until(is_new)
    await whole.replacing.retire(OWNER, force=True)
    assert len(authority.roots) == 1
    assert authority.roots != (old,)


async def test_twenty_roots_are_replaced_and_nobody_is_refused(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    async with site(tmp_path, (0.05, 0.1, 0.9)) as whole:
        before = whole.handshakes
        for _ in range(ROUNDS):
            await replaced(whole)
        assert whole.failures == []
        made = whole.handshakes - before
        assert made > ROUNDS * len(whole.computes)
        show(
            f"{ROUNDS} roots replaced under load, one node lagging: 0 of {made} handshakes refused"
        )


async def test_without_the_gate_the_lagging_node_refuses(tmp_path: Path) -> None:
    """The twin: what is activated and retired at once is refused where nobody was told."""
    async with site(tmp_path, (0.05, 30.0)) as whole:
        await whole.replacing.prepare(OWNER)
        for step in (Roots.activate, Roots.retire):
            await whole.replacing._authority.change(step)
        await until(lambda: bool(whole.failures))
        assert all(one.startswith("compute-1") for one in whole.failures[5:6])


async def test_who_lags_is_waited_for_and_who_is_silent_is_not(tmp_path: Path) -> None:
    async with site(tmp_path, (0.05, 30.0)) as whole:
        await whole.replacing.prepare(OWNER)
        authority = whole.replacing._authority
        coming = authority.hierarchy.next
        assert coming is not None
        first = whole.computes[0]
        await until(lambda: Chain((coming.chain.leaf,)).sha256 in joined_to(first.home).roots)
        view = await whole.replacing.view(OWNER)
        async with asyncio.timeout(20):
            while len(view.waiting_for) > 1:  # the first has heard of it, and says so next
                view = await whole.replacing.view(OWNER)
        assert (view.state, [one.id for one in view.waiting_for]) == ("prepared", ["compute-1"])
        # somebody sends it away: nobody has to wait for it any longer
        await whole.replacing._enrolments.end("compute-1")
        await until(lambda: authority.roots[0] == coming.chain.leaf)
        assert Chain((authority.roots[0],)).sha256 == coming.chain.sha256
