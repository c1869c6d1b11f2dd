"""How a web node speaks to compute nodes: whom it believes, what it shows, and both as they change."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from hermetic.access.principals import Principal
from hermetic.access.principals import Role as Owner
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import TurnedClock, system_clock
from hermetic.config.home import Home
from hermetic.config.sections import CertificateChoice
from hermetic.errors import BadConfiguration
from hermetic.gateway.certification import Certification, Kept
from hermetic.tls.contexts import server_context
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.backend import BackEnd, back_end
from hermetic.wiring.shown import AUTHENTICATION, Shown
from hermetic.wiring.trusting import live_trust
from tests.support.certificates import DAY, hierarchy
from tests.support.memory_tls import Shaken, shake
from tests.support.own import issued
from tests.support.waiting import until

MACHINE, ROOT, MY = StoreLocation.LOCAL_MACHINE, StoreName.ROOT, StoreName.MY
COMPANY = hierarchy(name="Company")
SECOND = timedelta(seconds=1)
NOTHING = CertificateChoice()
CHOSEN = CertificateChoice(subject_name="CN=web.example.com")
KEPT = Kept(AUTHENTICATION, "a test")
OFF = replace(CHOSEN, enabled=False)


def ours(now: timedelta = timedelta()) -> Credential:
    return COMPANY.issue("web.example.com", role=Role.AUTHENTICATION, now=COMPANY.now + now)


@pytest.fixture
def stores(home: Home) -> Stores:
    """Stores in which the company's root is, and what web nodes show."""
    stores = Stores(home.stores)
    stores.add_certificates(MACHINE, ROOT, [COMPANY.root_certificate])
    stores.add(MACHINE, MY, ours())
    return stores


def meet(context: ssl.SSLContext, server: Credential | None = None) -> Shaken:
    """Shake hands with a compute node of the company's, or one that shows *server*."""
    shown = server or COMPANY.issue(role=Role.COMPUTE)
    return shake(server_context(shown, client_roots=COMPANY.root_pem), context)


@asynccontextmanager
async def kept_up(home: Home, section: CertificateChoice) -> AsyncIterator[BackEnd]:
    """Yield how compute nodes are spoken to, while all of it is followed."""
    backend, tasks = await back_end(home, section, ["web.example.com"], system_clock)
    following = [asyncio.ensure_future(one()) for one in tasks]
    try:
        yield backend
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def test_what_the_settings_name_is_shown_to_whom_the_stores_vouch_for(
    home: Home, stores: Stores
) -> None:
    backend, _ = await back_end(home, CHOSEN, [], system_clock)
    met = meet(backend.context())
    assert met.succeeded
    assert b"web.example.com" in (met.server.getpeercert(binary_form=True) or b"")
    assert meet(backend.context(), hierarchy().issue(role=Role.COMPUTE)).client_error is not None
    client = COMPANY.issue("localhost", role=Role.AUTHENTICATION)
    assert meet(backend.context(), client).client_error is not None


async def test_a_home_with_an_authority_shows_what_that_issues(home: Home) -> None:
    server = await issued(home, "localhost", Role.COMPUTE)
    backend, tasks = await back_end(home, NOTHING, ["web.example.com"], system_clock)
    assert backend.credential is not None
    assert backend.credential.chain.names == ("web.example.com",)
    met = shake(server_context(server, client_roots=home.ca.read_bytes()), backend.context())
    assert met.succeeded
    assert len(tasks) == 3


async def test_what_is_shown_is_listed_beside_what_is_presented(home: Home, stores: Stores) -> None:
    certification = Certification(FileStore(home.certificates), {}, system_clock)
    backend, _ = await back_end(home, CHOSEN, [], system_clock)
    backend.list_in(certification)
    (view,) = certification.views()
    assert view.chain is not None
    assert (view.entry, view.kept.source) == (AUTHENTICATION, "store LocalMachine/My")
    await issued(home, "localhost", Role.COMPUTE)
    backend, _ = await back_end(home, NOTHING, ["web.example.com"], system_clock)
    backend.list_in(certification)
    before = await certification.renew(Principal("olga", Owner.OWNER), AUTHENTICATION)
    assert before.kept.source == "our authority"


@pytest.mark.parametrize("section", [NOTHING, OFF])
async def test_where_nothing_is_named_and_nobody_can_issue_nothing_is_shown(
    home: Home, stores: Stores, section: CertificateChoice
) -> None:
    backend, tasks = await back_end(home, section, ["web.example.com"], system_clock)
    assert backend.credential is None
    assert meet(backend.context()).server_error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert (len(tasks), home.authority.exists()) == (1, False)


async def test_a_section_that_is_switched_off_shows_nothing_of_the_own_authority(
    home: Home,
) -> None:
    await issued(home)
    backend, _ = await back_end(home, OFF, ["web.example.com"], system_clock)
    assert backend.credential is None


async def test_without_any_authority_nobody_is_believed(home: Home) -> None:
    backend, _ = await back_end(home, NOTHING, [], system_clock)
    assert meet(backend.context()).client_error is not None


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (CertificateChoice(subject_name="CN=other"), "cannot be shown to compute nodes"),
        (CertificateChoice(thumbprint="0" * 40), "cannot be shown to compute nodes"),
        (replace(CHOSEN, store_location="CurrentUser"), "LocalMachine"),
    ],
)
async def test_a_certificate_that_is_not_there_keeps_the_node_from_starting(
    home: Home, stores: Stores, section: CertificateChoice, text: str
) -> None:
    with pytest.raises(BadConfiguration, match=text):
        await back_end(home, section, [], system_clock)


@pytest.mark.parametrize("role", [Role.API, Role.COMPUTE])
async def test_a_certificate_for_something_else_keeps_the_node_from_starting(
    home: Home, role: Role
) -> None:
    Stores(home.stores).add(MACHINE, MY, COMPANY.issue("web.example.com", role=role))
    with pytest.raises(BadConfiguration, match="cannot be shown to compute nodes"):
        await back_end(home, CHOSEN, [], system_clock)


async def test_a_renewal_in_the_store_is_shown_from_then_on(home: Home, stores: Stores) -> None:
    async with kept_up(home, CHOSEN) as backend:
        before, changed = backend.context(), asyncio.Event()
        backend.on_change = changed.set
        renewed = ours(SECOND)
        stores.add(MACHINE, MY, renewed)
        await asyncio.wait_for(changed.wait(), 10)
        assert backend.credential is not None
        assert backend.credential.chain.sha256 == renewed.chain.sha256
        assert backend.context() is not before
        assert meet(backend.context()).succeeded


async def test_a_renewal_by_the_own_authority_is_shown_from_then_on(home: Home) -> None:
    await issued(home)
    async with kept_up(home, NOTHING) as backend:
        first = backend.credential
        assert first is not None
        again = await issued(home, "web.example.com")
        FileStore(home.certificates).write(AUTHENTICATION, again)
        await until(lambda: backend.credential is not first)
        assert backend.credential is not None
        assert backend.credential.chain.sha256 == again.chain.sha256


async def test_roots_that_change_make_another_context(home: Home, stores: Stores) -> None:
    other = hierarchy(name="Other")
    async with kept_up(home, CHOSEN) as backend:
        assert not meet(backend.context(), other.issue(role=Role.COMPUTE)).succeeded
        changed = asyncio.Event()
        backend.on_change = changed.set
        stores.add_certificates(MACHINE, ROOT, [other.root_certificate])
        await asyncio.wait_for(changed.wait(), 10)
        assert meet(backend.context(), other.issue(role=Role.COMPUTE)).succeeded


@pytest.fixture
async def trust(home: Home, stores: Stores) -> LiveTrust:
    return (await live_trust(home, Role.COMPUTE, system_clock))[0]


def misfit() -> Credential:
    """Return a pair that does not fit together."""
    return Credential(ours(SECOND).chain, generate())


async def following(backend: BackEnd, shown: list[Credential]) -> list[str]:
    """Let *backend* follow until it has looked at the last of *shown*; return what it refused."""
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(backend.follow())
        await until(lambda: not shown)
        await until(lambda: len(lines) > 0)
        task.cancel()
    return [line["event"] for line in lines]


async def test_what_cannot_be_shown_is_refused_and_the_last_good_one_stays(
    home: Home, trust: LiveTrust
) -> None:
    good, coming = ours(), [misfit()]
    backend = BackEnd(trust, Shown(coming.pop, lambda: "new", home.root, KEPT), good)
    before = backend.context()
    assert await following(backend, coming) == ["certificate.refused"]
    assert (backend.credential, backend.context()) == (good, before)
    assert meet(backend.context()).succeeded


async def test_what_fits_is_taken(home: Home, trust: LiveTrust) -> None:
    coming = [ours(SECOND)]
    backend = BackEnd(trust, Shown(coming.pop, lambda: "new", home.root, KEPT), ours())
    before = backend.context()
    assert await following(backend, coming) == ["certificate.swapped"]
    assert backend.context() is not before


async def test_what_cannot_be_shown_keeps_the_node_from_starting(
    home: Home, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stores, "choose", lambda *_, **__: misfit())
    with pytest.raises(BadConfiguration, match="The key does not fit"):
        await back_end(home, CHOSEN, [], system_clock)


async def test_what_is_gone_from_the_store_is_shown_until_something_else_is_there(
    home: Home, stores: Stores
) -> None:
    first, second = stores.credentials(MACHINE, MY)[0], ours(SECOND)
    with structlog.testing.capture_logs() as lines:
        async with kept_up(home, CHOSEN) as backend:
            stores.remove(MACHINE, MY, thumbprints(first.chain.leaf)[1])
            await until(lambda: any(one["event"] == "certificate.refused" for one in lines))
            assert meet(backend.context()).succeeded
            stores.add(MACHINE, MY, second)
            await until(
                lambda: backend.credential is not None and backend.credential.chain == second.chain
            )


async def test_one_imported_ahead_of_its_time_is_shown_when_that_has_come(home: Home) -> None:
    clock = TurnedClock(COMPANY.now)
    stores = Stores(home.stores)
    later = ours(DAY / 2)
    for one in (ours(), later):
        stores.add(MACHINE, MY, one)
    backend, _ = await back_end(home, CHOSEN, [], clock)
    assert backend.credential is not None
    assert backend.credential.chain.sha256 != later.chain.sha256
    clock.advance(DAY / 2)
    task = asyncio.create_task(backend.follow())
    await until(lambda: backend.credential is not None and backend.credential.chain == later.chain)
    task.cancel()
