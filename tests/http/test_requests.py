"""How requests are named."""

import pytest

from hermetic.http.requests import RequestIds


def test_each_request_gets_another_id() -> None:
    ids = RequestIds("p")
    assert [ids.take(None) for _ in range(3)] == [b"p-1", b"p-2", b"p-3"]


@pytest.mark.parametrize("offered", [b"a", b"A-z_0.9", b"x" * 128])
def test_a_well_formed_id_is_taken_over(offered: bytes) -> None:
    assert RequestIds("p").take(offered) == offered


@pytest.mark.parametrize("offered", [b"", b"x" * 129, b"a b", b"a\n", b"\xff", b"<a>", b'"'])
def test_any_other_id_is_replaced(offered: bytes) -> None:
    assert RequestIds("p").take(offered) == b"p-1"
