"""Hops with one thing wrong, and hops with nothing wrong."""

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from cryptography import x509

from hermetic.certificates.authorisation import Trust
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.diagnostics import hop
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.hop import Hop
from hermetic.tls.contexts import TlsProfile
from tests.support.certificates import DAY, Hierarchy, hierarchy, key_of
from tests.support.hops import presenting, revoking, serving

OURS = hierarchy(name="Ours")
OTHERS = hierarchy(name="Others")
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Case:
    """What is presented, and who is believed."""

    credential: Credential
    authority: Hierarchy = OURS
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    revoked: bool = False


def judged(case: Case) -> hop.Judged:
    lists = (revoking(case.credential, OURS.intermediate),) if case.revoked else ()
    trust = Trust((case.authority.root_certificate,), Role.COMPUTE, revocations=Revocations(lists))

    def judge(certificates: Sequence[x509.Certificate], name: str) -> object:
        return trust.judge(certificates, OURS.now, name=name)

    return judge


async def codes(case: Case) -> list[str]:
    context = presenting(case.credential, newest=case.newest)
    async with serving(context) as port:
        found = await hop.look(Hop("there", HERE, port, judged(case)), OURS.now)
    return [one.code for one in found]


def issued(**more: object) -> Credential:
    return OURS.issue(role=Role.COMPUTE, **more)  # type: ignore[arg-type]


def lonely() -> Credential:
    """Return a credential that leaves its intermediate out."""
    whole = issued()
    return Credential(Chain(whole.chain.certificates[:1]), whole.key)


FAULTS: dict[str, tuple[str, Callable[[], Case]]] = {
    "of another authority": ("hop.untrusted", lambda: Case(OTHERS.issue(role=Role.COMPUTE))),
    "expired": ("certificate.expired", lambda: Case(issued(now=OURS.now - 2 * DAY))),
    "ahead of its time": (
        "certificate.not-yet-valid",
        lambda: Case(issued(now=OURS.now + 2 * DAY)),
    ),
    "of another name": (
        "certificate.wrong-name",
        lambda: Case(OURS.issue("elsewhere.example", role=Role.COMPUTE)),
    ),
    "for showing to servers": (
        "certificate.wrong-purpose",
        lambda: Case(OURS.issue(role=Role.AUTHENTICATION)),
    ),
    "without its intermediate": ("hop.incomplete", lambda: Case(lonely())),
    "taken back": ("hop.revoked", lambda: Case(issued(), revoked=True)),
    "soon at its end": (
        "certificate.expires-soon",
        lambda: Case(issued(now=OURS.now - timedelta(hours=22))),
    ),
    "in TLS 1.2 only": (
        "hop.old-protocol",
        lambda: Case(issued(), newest=ssl.TLSVersion.TLSv1_2),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_is_wrong_with_a_hop_is_named(name: str) -> None:
    code, case = FAULTS[name]
    found = await codes(case())
    assert code in found
    assert [one for one in found if one not in {code, "hop.sealed"}] == []


@pytest.mark.parametrize("profile", TlsProfile)
@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("asks_who_we_are", [False, True])
async def test_a_hop_without_a_fault_raises_no_alarm(
    profile: TlsProfile, kind: KeyKind, *, asks_who_we_are: bool
) -> None:
    credential = issued(key=key_of(kind))
    context = presenting(
        credential, profile=profile, client_roots=OURS.root_pem if asks_who_we_are else None
    )
    ours = OURS.issue("web.example", role=Role.AUTHENTICATION)
    async with serving(context) as port:
        there = Hop("there", HERE, port, judged(Case(credential)), ours)
        found = await hop.look(there, OURS.now)
    assert [one.code for one in found] == ["hop.sealed"]
    assert found[0].text.startswith("TLSv1.3, TLS_")
    assert "X25519" in found[0].text


async def only(host: str, port: int) -> Finding:
    found = await hop.look(Hop("there", host, port, judged(Case(issued()))), OURS.now)
    assert len(found) == 1
    return found[0]


@pytest.mark.slow
async def test_a_port_nobody_listens_on_is_told_from_one_that_hangs() -> None:
    with socket.create_server((HERE, 0)) as taken:
        free = taken.getsockname()[1]
    assert (await only(HERE, free)).code == "port.closed"
    async with serving(None, silent=True) as port:
        assert (await only(HERE, port)).code == "port.silent"


async def test_plain_http_is_called_that() -> None:
    async with serving(None) as port:
        assert (await only(HERE, port)).code == "port.plain-http"


async def test_a_name_without_an_address_is_called_that() -> None:
    assert (await only("compute-1.invalid", 12805)).code == "dns.unknown"


async def test_what_is_told_has_a_remedy_and_no_key() -> None:
    found = await only("compute-1.invalid", 12805)
    assert found.remedy
    assert "PRIVATE" not in repr(Hop("there", HERE, 1, judged(Case(issued())), issued()))
