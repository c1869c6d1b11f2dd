import msgspec
import pytest

from hermetic.errors import InputMismatch
from hermetic.wire.authority import TokenRequest, TokenResponse
from hermetic.wire.messages import decode


def test_a_token_is_for_a_compute_node_and_an_hour_unless_said_otherwise() -> None:
    found = decode(b'{"names": ["a.test"]}', TokenRequest)
    assert (found.roles, found.minutes) == (["compute"], 60)
    with pytest.raises(InputMismatch):
        decode(b'{"names": 1}', TokenRequest)


def test_members_are_in_camel_case() -> None:
    told = TokenResponse(token="t", id="i", mac_key="m", root="r", redeem_until="u")
    assert set(msgspec.to_builtins(told)) == {"token", "id", "macKey", "root", "redeemUntil"}
