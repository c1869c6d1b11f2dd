"""What is fit to be presented, and the reason for everything that is not."""

from datetime import timedelta

import pytest

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.names import ServerName
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from hermetic.tls import acceptance
from tests.support.certificates import DAY, Hierarchy, hierarchy

LOCALHOST = (ServerName.parse("localhost"), ServerName.parse("127.0.0.1"))


def reason(
    credential: Credential, authority: Hierarchy, role: Role = Role.API, later: timedelta = 0 * DAY
) -> str:
    """Return the code with which *credential* is refused."""
    with pytest.raises(CertificateRejected) as caught:
        acceptance.check(credential, names=LOCALHOST, role=role, at=authority.now + later)
    return caught.value.code


def test_a_leaf_in_its_time_for_its_names_and_role_is_fit(authority: Hierarchy) -> None:
    acceptance.check(authority.issue(), names=LOCALHOST, role=Role.API, at=authority.now)


def test_it_must_be_valid_at_that_moment(authority: Hierarchy) -> None:
    credential = authority.issue()
    assert reason(credential, authority, later=2 * DAY) == "expired"
    assert reason(credential, authority, later=-2 * DAY) == "not-yet-valid"


def test_its_issuer_must_be_valid_too(authority: Hierarchy) -> None:
    ending = hierarchy(life=366 * DAY).intermediate.chain.leaf
    credential = authority.issue(life=10 * DAY)
    outliving = Credential(Chain((credential.chain.leaf, ending)), credential.key)
    assert reason(outliving, authority, later=2 * DAY) == "expired"
    acceptance.check(outliving, names=(), role=Role.API, at=authority.now)


def test_it_must_cover_every_name(authority: Hierarchy) -> None:
    assert reason(authority.issue("localhost"), authority) == "wrong-name"
    assert reason(authority.issue("127.0.0.1"), authority) == "wrong-name"


def test_no_name_is_asked_of_it_if_none_is_given(authority: Hierarchy) -> None:
    acceptance.check(authority.issue("a.test"), names=(), role=Role.API, at=authority.now)


def test_it_must_be_for_its_role(authority: Hierarchy) -> None:
    client = authority.issue(role=Role.AUTHENTICATION)
    assert reason(client, authority) == "wrong-purpose"
    acceptance.check(client, names=LOCALHOST, role=Role.AUTHENTICATION, at=authority.now)


def test_an_authority_cannot_be_presented(authority: Hierarchy) -> None:
    assert reason(authority.intermediate, authority) == "wrong-purpose"


def test_its_key_must_fit(authority: Hierarchy) -> None:
    assert reason(Credential(authority.issue().chain, generate()), authority) == "key-mismatch"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("a.test", "b.test"), ("b.test", "c.test")),
        (("a.test",), ("*.test.example", "a.test")),
        (("a.b.test",), ("*.b.test",)),
        (("*.b.test",), ("a.b.test",)),
        (("127.0.0.1",), ("a.test", "127.0.0.1")),
    ],
)
def test_a_successor_may_change_some_names(
    authority: Hierarchy, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    acceptance.check_successor(authority.issue(*after), authority.issue(*before))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("a.test",), ("b.test",)),
        (("a.b.test",), ("*.c.test",)),
        (("127.0.0.1",), ("a.test", "127.0.0.2")),
        (("a.b.test",), ("*.a.b.test",)),
    ],
)
def test_a_successor_may_not_change_all_names(
    authority: Hierarchy, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    with pytest.raises(CertificateRejected) as caught:
        acceptance.check_successor(authority.issue(*after), authority.issue(*before))
    assert caught.value.code == "wrong-name"
    assert before[0] in caught.value.text
