"""Several host names on one listener, each with a certificate of its own."""

import ssl
from datetime import timedelta

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock, system_clock
from hermetic.errors import CertificateRejected
from hermetic.tls.by_name import ByName
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import DAY, Hierarchy
from tests.support.memory_tls import shake, trusting


@pytest.fixture
def by_name() -> ByName:
    return ByName(clock=system_clock, role=Role.API)


@pytest.fixture
def context(authority: Hierarchy, by_name: ByName) -> SwappingContext:
    made = SwappingContext(authority.issue("localhost"), clock=system_clock)
    made.further = by_name.find
    return made


def shown(context: SwappingContext, authority: Hierarchy, name: str | None) -> bytes | str | None:
    """Return what a client that asks for *name* is shown, or why it is refused."""
    client = trusting(authority.root_pem) if name else trusting(None)
    shaken = shake(context.base, client, name)
    return shaken.presented if shaken.succeeded else shaken.client_error


def der(credential: Credential) -> bytes:
    return credential.chain.leaf.public_bytes(Encoding.DER)


def test_who_asks_for_a_name_is_shown_what_is_for_it(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    one, other = authority.issue("one.test"), authority.issue("*.other.test", "other.test")
    by_name.present({"one": one, "other": other})
    for name, expected in {
        "one.test": one,
        "ONE.test": one,
        "other.test": other,
        "a.other.test": other,
    }.items():
        assert shown(context, authority, name) == der(expected)
    assert shown(context, authority, "localhost") == der(context.credential)
    assert shown(context, authority, None) == der(context.credential)
    for stranger in ("two.test", "a.b.other.test", "xone.test"):
        assert "UNRECOGNIZED_NAME" in str(shown(context, authority, stranger))


def test_what_is_offered_no_longer_is_refused_from_the_next_handshake_on(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    by_name.present({"one": authority.issue("one.test")})
    by_name.present({})
    assert by_name.chains == {}
    assert "UNRECOGNIZED_NAME" in str(shown(context, authority, "one.test"))


def test_a_new_one_is_shown_and_a_bad_one_never_takes_its_place(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    first, second = authority.issue("one.test"), authority.issue("one.test")
    by_name.present({"one": first})
    by_name.present({"one": second})
    assert shown(context, authority, "one.test") == der(second)
    bad: list[Credential | CertificateRejected] = [
        authority.issue("one.test", now=authority.now - 2 * DAY),
        authority.issue("one.test", now=authority.now + 2 * DAY),
        authority.issue("one.test", role=Role.AUTHENTICATION),
        authority.issue("else.test"),
        Credential(first.chain, generate()),
        CertificateRejected("missing-file", "tls.key is not there."),
    ]
    told = set()
    for one in bad:
        with structlog.testing.capture_logs() as lines:
            by_name.present({"one": one})
        assert shown(context, authority, "one.test") == der(second)
        assert by_name.troubles["one"]
        told |= {line["reason"] for line in lines}
    assert told == {
        "expired", "not-yet-valid", "wrong-purpose", "wrong-name", "key-mismatch", "missing-file",
    }  # fmt: skip
    by_name.present({"one": second})
    assert by_name.troubles == {}


def test_one_bad_one_keeps_no_other_from_being_shown(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    good = authority.issue("good.test")
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            by_name.present({"bad": CertificateRejected("malformed", "No."), "good": good})
    assert shown(context, authority, "good.test") == der(good)
    told = [one["event"] for one in lines]
    assert told == ["certificate.refused", "certificate.presented"]  # and not at each look


def test_of_two_for_one_name_the_one_that_ends_later_is_shown(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    longer = authority.issue("one.test", life=3 * DAY)
    by_name.present({"a": longer, "b": authority.issue("one.test", life=DAY)})
    assert shown(context, authority, "one.test") == der(longer)


def test_one_that_was_early_is_shown_when_its_time_has_come(authority: Hierarchy) -> None:
    clock = TurnedClock(authority.now)
    by_name = ByName(clock=clock, role=Role.API)
    early = authority.issue("one.test", now=authority.now + timedelta(hours=2))
    by_name.present({"one": early})
    assert by_name.find("one.test") is None
    clock.advance(timedelta(hours=2))
    by_name.present({"one": early})
    assert by_name.find("one.test") is not None


def test_the_profile_of_the_listener_is_kept(authority: Hierarchy) -> None:
    by_name = ByName(clock=system_clock, role=Role.API, profile=TlsProfile.MODERN)
    modern = SwappingContext(
        authority.issue("localhost"), clock=system_clock, profile=TlsProfile.MODERN
    )
    modern.further = by_name.find
    by_name.present({"one": authority.issue("one.test")})
    older = trusting(authority.root_pem, up_to=ssl.TLSVersion.TLSv1_2)
    assert not shake(modern.base, older, "one.test").succeeded
    assert shake(modern.base, trusting(authority.root_pem), "one.test").succeeded


def test_the_own_certificate_wins_for_the_names_it_is_for(
    authority: Hierarchy, by_name: ByName, context: SwappingContext
) -> None:
    by_name.present({"one": authority.issue("localhost")})
    assert shown(context, authority, "localhost") == der(context.credential)
