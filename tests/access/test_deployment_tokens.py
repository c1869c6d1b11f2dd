"""What callers of a deployment show: keys and tokens, each for one deployment alone."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from hermetic.access.deployment_tokens import LIFE, DeploymentKeys, holds, is_fit, sign
from hermetic.access.tokens import Claims
from hermetic.access.tokens import sign as sign_person
from tests.support.tokens import claims_of, signing_key, unsigned

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY, OTHER = signing_key(), signing_key(1)
TOKEN = sign("wine", KEY, at=NOW).token


def held(token: str, *, name: str = "wine", at: datetime = NOW) -> bool:
    return holds(token, name, KEY.public_key(), at=at)


def test_a_token_lets_its_holder_in_until_it_ends() -> None:
    assert held(TOKEN)
    assert held(TOKEN, at=NOW + LIFE - timedelta(seconds=1))
    assert not held(TOKEN, at=NOW + LIFE)


def test_it_should_be_asked_for_again_before_it_ends() -> None:
    token = sign("wine", KEY, at=NOW)
    assert NOW < token.refresh_after < token.expires_at
    assert token.token not in repr(token)


@pytest.mark.parametrize(
    "token",
    [
        sign("beer", KEY, at=NOW).token,
        sign("wine", OTHER, at=NOW).token,
        sign_person(Claims("wine", "s", NOW, NOW + LIFE), KEY, issuer="hermetic"),
        sign("wine", KEY, at=NOW + timedelta(minutes=1)).token,
        unsigned(TOKEN).decode(),
        jwt.encode(claims_of(TOKEN), "a" * 64, algorithm="HS512"),
        jwt.encode({**claims_of(TOKEN), "exp": "soon"}, KEY, algorithm="RS512"),
        jwt.encode({"sub": "wine", "iss": "hermetic deployments"}, KEY, algorithm="RS512"),
        "",
        "a.b",
        "a.b.c",
        "x" * 5000,
    ],
)
def test_what_is_no_token_of_the_deployment_is_refused(token: str) -> None:
    assert not held(token)


def test_both_keys_are_good_and_nothing_else_is() -> None:
    keys = DeploymentKeys("first-key", "second-key")
    assert keys.include("first-key")
    assert keys.include("second-key")
    for wrong in ("", "first-key ", "FIRST-KEY", "first", "\ud800"):
        assert not keys.include(wrong)
    assert "first" not in repr(keys)


@pytest.mark.parametrize(
    ("key", "fit"),
    [
        ("12345678", True),
        ("a" * 512, True),
        ("1234567", False),
        ("a" * 513, False),
        ("with space", False),
        ("line\nbreak", False),
        ("schlüssel", False),
    ],
)
def test_keys_of_ones_own_have_a_form(key: str, fit: bool) -> None:
    assert is_fit(key) is fit
