from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.access.tokens import ACCESS_LIFE, LONGEST, Claims, Refusal, sign, verify
from tests.support.tokens import claims_of, signed_with_public_key, signing_key, unsigned

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = signing_key()
CLAIMS = Claims("anna", "login-1", NOW, NOW + ACCESS_LIFE)
TOKEN = sign(CLAIMS, KEY, issuer="https://node")


def checked(token: bytes, *, at: datetime = NOW, issuer: str = "https://node") -> Claims | Refusal:
    return verify(token, KEY.public_key(), issuer=issuer, at=at)


def resigned(algorithm: str = "RS512", **changes: object) -> bytes:
    """Return our token with other claims, signed by our own key; `None` leaves a claim out."""
    claims = {**claims_of(TOKEN), **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, KEY, algorithm=algorithm).encode()


def test_a_token_says_what_was_signed() -> None:
    assert checked(TOKEN.encode()) == CLAIMS


def test_a_token_is_signed_as_the_retired_server_signed() -> None:
    assert jwt.get_unverified_header(TOKEN) == {"alg": "RS512", "typ": "JWT"}


def test_a_token_carries_the_documented_claims_and_no_more() -> None:
    assert set(claims_of(TOKEN)) == {"sub", "name", "sid", "iss", "tid", "iat", "nbf", "exp"}


def test_a_token_holds_until_the_last_second() -> None:
    assert checked(TOKEN.encode(), at=CLAIMS.expires_at - timedelta(seconds=1)) == CLAIMS


@pytest.mark.parametrize(
    ("token", "at", "refusal"),
    [
        (TOKEN.encode(), CLAIMS.expires_at, Refusal.EXPIRED),
        (TOKEN.encode(), NOW - timedelta(minutes=1), Refusal.NOT_YET_VALID),
        (resigned(nbf=int(NOW.timestamp()) + 60), NOW, Refusal.NOT_YET_VALID),
        (unsigned(TOKEN), NOW, Refusal.FOREIGN_ALGORITHM),
        (unsigned(TOKEN, "None"), NOW, Refusal.FOREIGN_ALGORITHM),
        (unsigned(TOKEN, "RS512"), NOW, Refusal.BAD_SIGNATURE),
        (signed_with_public_key(TOKEN, KEY.public_key()), NOW, Refusal.FOREIGN_ALGORITHM),
        (resigned("RS256"), NOW, Refusal.FOREIGN_ALGORITHM),
        (resigned("PS512"), NOW, Refusal.FOREIGN_ALGORITHM),
        (sign(CLAIMS, signing_key(1), issuer="https://node").encode(), NOW, Refusal.BAD_SIGNATURE),
        (sign(CLAIMS, KEY, issuer="https://other").encode(), NOW, Refusal.FOREIGN_ISSUER),
        (resigned(iss=None), NOW, Refusal.FOREIGN_ISSUER),
        (resigned(exp=None), NOW, Refusal.INCOMPLETE),
        (resigned(nbf=None), NOW, Refusal.INCOMPLETE),
        (resigned(sid=None), NOW, Refusal.INCOMPLETE),
        (resigned(sub=None), NOW, Refusal.INCOMPLETE),
        (resigned(exp=10**30), NOW, Refusal.INCOMPLETE),
        (resigned(exp=True), NOW, Refusal.INCOMPLETE),
        (TOKEN[:-2].encode(), NOW, Refusal.BAD_SIGNATURE),
        (TOKEN.rpartition(".")[0].encode(), NOW, Refusal.MALFORMED),
        (b"", NOW, Refusal.MALFORMED),
        (b"x", NOW, Refusal.MALFORMED),
        (b"..", NOW, Refusal.MALFORMED),
        (b"a.b." + b"c" * LONGEST, NOW, Refusal.MALFORMED),
    ],
)
def test_a_token_that_does_not_hold_is_refused_with_its_reason(
    token: bytes, at: datetime, refusal: Refusal
) -> None:
    assert checked(token, at=at) is refusal


def test_a_clock_that_is_a_little_behind_is_forgiven() -> None:
    assert checked(TOKEN.encode(), at=NOW - timedelta(seconds=5)) == CLAIMS


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unseen(place: int, change: int) -> None:
    token = bytearray(TOKEN.encode())
    token[place] ^= change
    result = checked(bytes(token))
    # The last character of base64 has spare bits: another one may spell the same signature.
    assert isinstance(result, Refusal) or (place == len(TOKEN) - 1 and result == CLAIMS)


@given(st.binary(max_size=300))
def test_noise_is_refused_and_nothing_else_happens(noise: bytes) -> None:
    assert isinstance(checked(noise), Refusal)
