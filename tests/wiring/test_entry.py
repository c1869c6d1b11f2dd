"""Whom a compute node lets in, before it starts and while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import structlog

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.compute import ClientCertificate, ComputeSettings
from hermetic.config.home import Home
from hermetic.config.sections import NodeKestrel
from hermetic.errors import BadConfiguration, CertificateRejected, HermeticError, Unavailable
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.entry import follow_settings, guarded, now_meant, refuse_openness
from tests.support.own import issued, letting_in, shown
from tests.support.waiting import until

NAMED = ClientCertificate(issuer="CN=Example CA", subject="CN=web.example.com")
CLOSED = ClientCertificate(enabled=False)
BLANK = ClientCertificate()
EVERYWHERE = NodeKestrel(port=0)


def settings(section: ClientCertificate, kestrel: NodeKestrel = EVERYWHERE) -> ComputeSettings:
    return ComputeSettings(kestrel=kestrel, client_certificate=section)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "compute.example.com"])
@pytest.mark.parametrize("https", [True, False])
def test_nobody_named_is_no_reason_to_let_everybody_in(host: str, https: bool) -> None:
    kestrel = NodeKestrel(
        host=host, port=0, https_enabled=https, allow_plain_http_beyond_this_machine=True
    )
    with pytest.raises(BadConfiguration, match="Whoever reaches this node could let it run code"):
        refuse_openness(settings(BLANK, kestrel))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1"])
def test_on_this_machine_nobody_has_to_be_named(host: str) -> None:
    with structlog.testing.capture_logs() as lines:
        refuse_openness(settings(BLANK, NodeKestrel(host=host, port=0)))
        refuse_openness(settings(CLOSED, NodeKestrel(host=host, port=0, https_enabled=False)))
    assert lines == []


def test_who_is_named_must_be_able_to_show_it() -> None:
    plain = NodeKestrel(port=0, https_enabled=False)
    with pytest.raises(BadConfiguration, match="a certificate is shown in TLS only"):
        refuse_openness(settings(NAMED, plain))
    refuse_openness(settings(NAMED))


def test_to_let_everybody_in_is_warned_of_where_it_was_said() -> None:
    with structlog.testing.capture_logs() as lines:
        refuse_openness(settings(CLOSED, NodeKestrel(host="0.0.0.0", port=0)))
        refuse_openness(settings(NAMED, NodeKestrel(host="0.0.0.0", port=0)))
    assert [(line["event"], line["host"]) for line in lines] == [("door.open", "0.0.0.0")]


@pytest.mark.parametrize("section", [CLOSED, BLANK])
async def test_where_nobody_is_named_nobody_is_asked(
    home: Home, section: ClientCertificate
) -> None:
    read = settings(section)
    assert await guarded(home, read, lambda: read, system_clock) == (None, [])


async def test_what_is_no_name_keeps_the_node_from_starting(home: Home) -> None:
    read = settings(ClientCertificate(issuer="nonsense", subject="CN=web"))
    with pytest.raises(BadConfiguration, match=r"ClientCertificate: .*nonsense"):
        await guarded(home, read, lambda: read, system_clock)


@pytest.fixture
async def anna(home: Home) -> Credential:
    return await issued(home, "anna")


@pytest.fixture
async def bert(home: Home) -> Credential:
    return await issued(home, "bert")


class File:
    """The settings file: what it says now, or why it cannot be read."""

    def __init__(self, section: ClientCertificate) -> None:
        self.section, self.read = section, 0
        self.error: HermeticError | None = None

    def __call__(self) -> ComputeSettings:
        self.read += 1
        if self.error is not None:
            raise self.error
        return settings(self.section)

    async def looked_into(self) -> None:
        """Wait until all of it that stands here now was seen."""
        seen = self.read
        await until(lambda: self.read >= seen + 3)


@asynccontextmanager
async def entry(home: Home, section: ClientCertificate) -> AsyncIterator[tuple[LiveTrust, File]]:
    """Yield who is let in, kept up with a file that says *section* at first."""
    file = File(section)
    trust, _ = await guarded(home, settings(section), file, system_clock)
    assert trust is not None
    meant = partial(now_meant, home, file)
    task = asyncio.create_task(follow_settings(trust, meant(), meant, period_s=0.01))
    try:
        yield trust, file
    finally:
        task.cancel()


def lets_in(trust: LiveTrust, credential: Credential) -> bool:
    try:
        trust.judge(shown(credential))
    except CertificateRejected:
        return False
    return True


async def test_who_is_named_is_let_in_and_nobody_else(
    home: Home, anna: Credential, bert: Credential
) -> None:
    server = await issued(home, "anna", Role.COMPUTE)
    async with entry(home, letting_in(anna, server)) as (trust, _):
        found = [lets_in(trust, one) for one in (anna, bert, server)]
    assert found == [True, False, False]


async def test_what_the_file_says_anew_holds_without_a_restart(
    home: Home, anna: Credential, bert: Credential
) -> None:
    async with entry(home, letting_in(anna)) as (trust, file):
        file.section = letting_in(bert)
        await until(lambda: lets_in(trust, bert))
        assert not lets_in(trust, anna)
        file.section = ClientCertificate(names=("bert",), denied=(bert.chain.sha256,))
        await until(lambda: not lets_in(trust, bert))


@pytest.mark.parametrize("section", [BLANK, CLOSED, ClientCertificate(denied=("0" * 64,))])
async def test_a_section_that_goes_blank_while_it_runs_opens_nothing(
    home: Home, anna: Credential, bert: Credential, section: ClientCertificate
) -> None:
    async with entry(home, letting_in(anna)) as (trust, file):
        with structlog.testing.capture_logs() as lines:
            file.section = section
            await file.looked_into()
        assert [lets_in(trust, one) for one in (anna, bert)] == [True, False]
        (line,) = [one for one in lines if one["event"] == "settings.unread"]
        assert "says no longer which web nodes are let in" in line["reason"]
        file.section = letting_in(anna, bert)
        await until(lambda: lets_in(trust, bert))


@pytest.mark.parametrize("error", [BadConfiguration("A comma is missing."), Unavailable("Gone.")])
async def test_a_file_that_cannot_be_read_changes_nothing_and_is_told_once(
    home: Home, anna: Credential, bert: Credential, error: HermeticError
) -> None:
    async with entry(home, letting_in(anna)) as (trust, file):
        with structlog.testing.capture_logs() as lines:
            file.error = error
            await file.looked_into()
        assert [one["reason"] for one in lines] == [error.text]
        assert [lets_in(trust, one) for one in (anna, bert)] == [True, False]
        file.error, file.section = None, letting_in(bert)
        await until(lambda: lets_in(trust, bert))


async def test_a_name_that_is_none_changes_nothing(
    home: Home, anna: Credential, bert: Credential
) -> None:
    async with entry(home, letting_in(anna)) as (trust, file):
        with structlog.testing.capture_logs() as lines:
            file.section = ClientCertificate(names=("not a name",))
            await file.looked_into()
        assert [lets_in(trust, one) for one in (anna, bert)] == [True, False]
    assert [one["event"] for one in lines] == ["settings.unread"]
