"""The contract every maker of an identity provider is held to."""

import pytest

from hermetic.errors import Unauthenticated
from hermetic.identity.provider import IdentityProvider
from tests.support.accounts import ANOTHER, PASSWORD


@pytest.fixture(params=["local"])
def provider(request: pytest.FixtureRequest) -> IdentityProvider:
    made: IdentityProvider = request.getfixturevalue(request.param)
    return made


async def test_whoever_knows_the_password_is_known(provider: IdentityProvider) -> None:
    principal = await provider.verify("admin", PASSWORD)
    assert principal == provider.principal("admin")


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("admin", ANOTHER),
        ("admin", ""),
        ("admin", PASSWORD + "x"),
        ("admin", PASSWORD.lower()),
        ("admin", "x" * 10_000_000),
        ("admin", "\ud800"),
        ("admin\0", PASSWORD),
        ("\ud800", PASSWORD),
        ("nobody", PASSWORD),
        ("", PASSWORD),
    ],
)
async def test_anybody_else_gets_one_and_the_same_refusal(
    provider: IdentityProvider, username: str, password: str
) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await provider.verify(username, password)
    assert caught.value.text == "The user name or the password is wrong."


def test_nobody_is_nobody(provider: IdentityProvider) -> None:
    assert provider.principal("nobody") is None
