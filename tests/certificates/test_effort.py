"""The bound on what one verification may cost."""

import pytest

from hermetic.certificates.effort import Effort
from hermetic.errors import CertificateRejected


def test_as_many_signatures_as_allowed_are_checked_and_no_more() -> None:
    effort = Effort(signatures=2)
    effort.check_signature()
    effort.check_signature()
    with pytest.raises(CertificateRejected, match="more ways to build a chain") as caught:
        effort.check_signature()
    assert caught.value.code == "too-complex"


def test_comparisons_are_counted_before_they_are_made() -> None:
    effort = Effort(comparisons=10)
    effort.compare(10)
    with pytest.raises(CertificateRejected, match="more names and name constraints") as caught:
        effort.compare(1)
    assert caught.value.code == "too-complex"
