import pytest

from hermetic.errors import Unreachable
from hermetic.issuers.acme.messages import Directory, Order, Trouble, said


def test_members_that_nobody_knows_are_ignored() -> None:
    body = b'{"newNonce": "n", "newAccount": "a", "newOrder": "o", "x": 1, "meta": {"y": 2}}'
    found = said(body, Directory)
    assert (found.new_order, found.renewal_info, found.meta.profiles) == ("o", "", {})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"status": 7}', b"\xff\xfe", b'{"status": "x"}']
)
def test_what_is_something_else_is_told(body: bytes) -> None:
    with pytest.raises(Unreachable, match="no order"):
        said(body, Order)


def test_trouble_is_told_in_one_line() -> None:
    told = Trouble("urn:ietf:params:acme:error:caa", "CAA\n  says \t no " + "x" * 9000)
    assert told.code == "caa"
    assert told.text.startswith("CAA says no x")
    assert len(told.text) < 420
