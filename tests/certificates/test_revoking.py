from datetime import timedelta

import pytest
from cryptography import x509

from hermetic.certificates.effort import Effort
from hermetic.certificates.revocation import Revocations, check_revocation
from hermetic.certificates.revoking import Revoked, revocation_list
from hermetic.errors import CertificateRejected
from tests.support.certificates import hierarchy

DAY = timedelta(days=1)


def test_what_is_listed_is_refused_and_nothing_else() -> None:
    authority = hierarchy()
    now = authority.now
    bad, good = authority.issue("bad.test"), authority.issue("good.test")
    revoked = [Revoked(bad.chain.serial, now, 1), Revoked(2, now)]
    found = revocation_list(authority.intermediate, revoked, now=now, life=3 * DAY)
    above = authority.intermediate.chain.leaf
    lists = Revocations((found,))
    check_revocation((good.chain.leaf, above), lists, now, Effort())
    with pytest.raises(CertificateRejected) as caught:
        check_revocation((bad.chain.leaf, above), lists, now, Effort())
    assert caught.value.code == "revoked"
    assert "keyCompromise" in caught.value.text or "key_compromise" in caught.value.text


def test_a_list_is_good_for_clocks_that_are_behind_and_grows_in_number() -> None:
    authority = hierarchy()
    now = authority.now
    first = revocation_list(authority.intermediate, (), now=now, life=3 * DAY)
    later = revocation_list(authority.intermediate, (), now=now + DAY, life=3 * DAY)
    numbers = [
        one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for one in (first, later)
    ]
    assert numbers[1] - numbers[0] == 86400
    assert first.last_update_utc <= now - timedelta(minutes=4)
    assert first.next_update_utc is not None
    assert first.next_update_utc > now + 2 * DAY


def test_a_reason_that_says_nothing_is_left_out() -> None:
    authority = hierarchy()
    listed = [Revoked(1, authority.now, 0), Revoked(2, authority.now, 9)]
    found = revocation_list(authority.intermediate, listed, now=authority.now, life=DAY)
    assert [len(one.extensions) for one in found] == [0, 1]
