import asyncio
import base64
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from hermetic.access.principals import Principal, Role
from hermetic.access.throttle import Limits
from hermetic.access.tokens import ACCESS_LIFE, CHAIN_LIFE, REFRESH_LIFE, Claims, sign
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import TooManyAttempts, Unauthenticated, Unavailable
from hermetic.gateway.access import REMEMBERED, Access, TokenPair
from hermetic.identity.local import LocalAccounts
from hermetic.registry.logins import Login, Logins
from tests.support.accounts import ANOTHER, PASSWORD
from tests.support.tokens import claims_of, signed_with_public_key, signing_key, unsigned

DEADLINE_S = 10
PEER = "192.0.2.1"
ADMIN = Principal("admin", Role.OWNER)


def with_logins(logins: Logins, local: LocalAccounts, clock: TurnedClock) -> Access:
    return Access(
        provider=local, logins=logins, key=signing_key(), issuer="https://node", clock=clock
    )


def holder(access: Access, pair: TokenPair) -> Principal:
    return access.authenticate(pair.access_token.encode())


def refusal_of(access: Access, token: bytes) -> tuple[str, str]:
    """Return what the sender of *token* is told, and what the log says."""
    with capture_logs() as logs, pytest.raises(Unauthenticated) as caught:
        access.authenticate(token)
    return caught.value.text, next(
        str(line["reason"]) for line in logs if line["event"] == "access.refused"
    )


def signed(
    session: str, issued_at: datetime, *, which: int = 0, issuer: str = "https://node"
) -> bytes:
    claims = Claims("admin", session, issued_at, issued_at + ACCESS_LIFE)
    return sign(claims, signing_key(which), issuer=issuer).encode()


async def test_a_login_lets_in(access: Access, clock: TurnedClock) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    assert holder(access, pair) == ADMIN
    assert (pair.expires_in_s, pair.expires_on) == (3600, clock.now + ACCESS_LIFE)
    assert len(base64.urlsafe_b64decode(pair.refresh_token)) == 32


async def test_a_pair_does_not_show_its_tokens(access: Access) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)


@pytest.mark.parametrize(("username", "password"), [("admin", ANOTHER), ("nobody", PASSWORD)])
async def test_a_wrong_login_does_not(access: Access, username: str, password: str) -> None:
    with pytest.raises(Unauthenticated, match="user name or the password is wrong"):
        await access.login(username, password, PEER)


async def test_no_log_line_holds_a_secret(access: Access) -> None:
    with capture_logs() as logs:
        pair = await access.login("admin", PASSWORD, PEER)
        again = await access.refresh(pair.refresh_token)
        with pytest.raises(Unauthenticated):
            await access.login(ANOTHER, ANOTHER, PEER)  # typed into the wrong field
        refusal_of(access, pair.access_token.encode())
    secrets = (PASSWORD, ANOTHER, pair.access_token, pair.refresh_token, again.access_token)
    assert len(logs) >= 3
    assert not any(secret in str(logs) for secret in secrets)


async def test_every_bad_token_is_told_the_same_and_logged_apart(
    access: Access, clock: TurnedClock
) -> None:
    token = (await access.login("admin", PASSWORD, PEER)).access_token
    session = str(claims_of(token)["sid"])
    refusals = [
        refusal_of(access, bad)
        for bad in (
            b"",
            unsigned(token),
            signed_with_public_key(token, signing_key().public_key()),
            signed(session, clock.now, which=1),
            signed(session, clock.now, issuer="https://other"),
            signed(session, clock.now + timedelta(hours=1)),
            signed(session, clock.now - timedelta(hours=1)),
            signed("another session", clock.now),
        )
    ]
    assert len({text for text, _ in refusals}) == 1
    assert [reason for _, reason in refusals] == [
        "malformed",
        "foreign-algorithm",
        "foreign-algorithm",
        "bad-signature",
        "foreign-issuer",
        "not-yet-valid",
        "expired",
        "revoked",
    ]


async def test_a_token_ends_after_an_hour_and_its_refresh_token_does_not(
    access: Access, clock: TurnedClock
) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    clock.advance(ACCESS_LIFE - timedelta(seconds=1))
    assert holder(access, pair) == ADMIN
    clock.advance(timedelta(seconds=1))
    assert refusal_of(access, pair.access_token.encode())[1] == "expired"
    assert holder(access, await access.refresh(pair.refresh_token)) == ADMIN


async def test_a_refresh_ends_the_old_pair_at_once(access: Access) -> None:
    old = await access.login("admin", PASSWORD, PEER)
    assert holder(access, old) == ADMIN
    new = await access.refresh(old.refresh_token)
    assert holder(access, new) == ADMIN
    assert refusal_of(access, old.access_token.encode())[1] == "revoked"


async def test_a_spent_refresh_token_ends_the_whole_login(access: Access) -> None:
    old = await access.login("admin", PASSWORD, PEER)
    other = await access.login("admin", PASSWORD, PEER)
    new = await access.refresh(old.refresh_token)
    with pytest.raises(Unauthenticated):
        await access.refresh(old.refresh_token)
    assert refusal_of(access, new.access_token.encode())[1] == "revoked"
    with pytest.raises(Unauthenticated):
        await access.refresh(new.refresh_token)
    assert holder(access, other) == ADMIN


async def test_of_two_refreshes_at_once_at_most_one_lives(access: Access) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    results = await asyncio.gather(
        *(access.refresh(pair.refresh_token) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, TokenPair) for result in results) <= 1


async def test_a_revoked_login_is_over_at_once(access: Access) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    assert holder(access, pair) == ADMIN
    await access.revoke(pair.refresh_token)
    assert refusal_of(access, pair.access_token.encode())[1] == "revoked"
    for attempt in (access.refresh, access.revoke):
        with pytest.raises(Unauthenticated):
            await attempt(pair.refresh_token)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 100_000])
async def test_an_unknown_refresh_token_is_refused(access: Access, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await access.refresh(token)
    with pytest.raises(Unauthenticated):
        await access.revoke(token)


async def test_a_refresh_token_lasts_two_weeks(access: Access, clock: TurnedClock) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    clock.advance(REFRESH_LIFE)
    with pytest.raises(Unauthenticated):
        await access.refresh(pair.refresh_token)


async def test_a_chain_of_refreshes_ends_after_ninety_days(
    access: Access, clock: TurnedClock
) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    began = clock.now
    while clock.now + timedelta(days=13) < began + CHAIN_LIFE:
        clock.advance(timedelta(days=13))
        pair = await access.refresh(pair.refresh_token)
    clock.now = began + CHAIN_LIFE
    with pytest.raises(Unauthenticated):
        await access.refresh(pair.refresh_token)


async def test_logins_outlast_a_restart_and_so_does_their_end(
    access: Access, database: SqliteDatabase, local: LocalAccounts, clock: TurnedClock
) -> None:
    kept = await access.login("admin", PASSWORD, PEER)
    ended = await access.login("admin", PASSWORD, PEER)
    await access.revoke(ended.refresh_token)
    later = with_logins(Logins(database, clock), local, clock)
    await later.start()
    assert holder(later, kept) == ADMIN
    assert refusal_of(later, ended.access_token.encode())[1] == "revoked"


async def test_no_refresh_token_is_kept_as_it_is(access: Access, database: SqliteDatabase) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    files = [path.read_bytes() for path in database.path.parent.glob("hermetic.sqlite3*")]
    assert not any(pair.refresh_token.encode() in content for content in files)


async def test_a_role_holds_from_the_next_request_on(access: Access, local: LocalAccounts) -> None:
    await local.add("anna", ANOTHER, Role.CONTRIBUTOR)
    pair = await access.login("anna", ANOTHER, PEER)
    await local.set_role("anna", Role.READER)
    assert holder(access, pair) == Principal("anna", Role.READER)
    await local.remove("anna")
    assert refusal_of(access, pair.access_token.encode())[1] == "unknown-principal"


async def test_too_many_failures_close_the_account_even_to_the_right_password(
    access: Access, clock: TurnedClock
) -> None:
    for _ in range(Limits().per_account):
        with pytest.raises(Unauthenticated):
            await access.login("admin", ANOTHER, PEER)
    with pytest.raises(TooManyAttempts) as caught:
        await access.login("admin", PASSWORD, "192.0.2.77")
    clock.advance(timedelta(seconds=caught.value.retry_after_s))
    assert await access.login("admin", PASSWORD, PEER)


async def test_a_flood_is_refused_before_any_password_is_looked_at(access: Access) -> None:
    results = await asyncio.gather(
        *(access.login("admin", ANOTHER, PEER) for _ in range(200)), return_exceptions=True
    )
    looked_at = sum(isinstance(result, Unauthenticated) for result in results)
    refused = sum(isinstance(result, TooManyAttempts) for result in results)
    assert (looked_at, refused) == (Limits().per_account, 200 - Limits().per_account)


async def test_as_many_good_logins_as_one_likes(access: Access) -> None:
    for _ in range(Limits().per_address * 2):
        await access.login("admin", PASSWORD, PEER)


class HeldLogins(Logins):
    """Logins that are kept only when it is told to go on."""

    def __init__(self, database: SqliteDatabase, clock: TurnedClock) -> None:
        super().__init__(database, clock)
        self.adding, self.go = asyncio.Event(), asyncio.Event()

    async def add(self, login: Login, refresh_digest: str) -> list[str]:
        self.adding.set()
        await self.go.wait()
        return await super().add(login, refresh_digest)


async def test_a_login_during_which_the_password_changes_is_none(
    database: SqliteDatabase, local: LocalAccounts, clock: TurnedClock
) -> None:
    logins = HeldLogins(database, clock)
    access = with_logins(logins, local, clock)
    login = asyncio.ensure_future(access.login("admin", PASSWORD, PEER))
    await asyncio.wait_for(logins.adding.wait(), DEADLINE_S)
    await local.set_password("admin", ANOTHER)
    await access.end_logins("admin")
    logins.go.set()
    with pytest.raises(Unauthenticated, match="changed meanwhile"):
        await login
    assert await logins.alive(since=clock.now - ACCESS_LIFE) == []


async def test_only_so_many_tokens_are_remembered_and_all_are_let_in(access: Access) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    token = pair.access_token.encode()
    assert holder(access, pair) == ADMIN
    claims = next(iter(access._checked.values()))
    for number in range(REMEMBERED + 10):
        access._remember(number.to_bytes(32, "big"), claims)
    assert len(access._checked) == REMEMBERED
    assert access.authenticate(token) == ADMIN


async def test_a_login_that_had_to_make_room_lets_nobody_in(
    database: SqliteDatabase, clock: TurnedClock, local: LocalAccounts
) -> None:
    access = with_logins(Logins(database, clock, most=2), local, clock)
    pairs = [await access.login("admin", PASSWORD, PEER) for _ in range(3)]
    assert [holder(access, pair) for pair in pairs[1:]] == [ADMIN, ADMIN]
    assert refusal_of(access, pairs[0].access_token.encode())[1] == "revoked"


class Database:
    """What several web nodes share; `learn` takes in whatever was decided since the last time."""

    exist = True

    def __init__(self) -> None:
        self.access: Access | None = None
        self.learned = 0

    async def learn(self) -> None:
        assert self.access is not None
        self.learned += 1
        await self.access.take_in(0)

    async def tell(self) -> None:
        """Do nothing."""


@pytest.fixture
async def other(
    access: Access, database: SqliteDatabase, clock: TurnedClock, local: LocalAccounts
) -> Access:
    """Another web node with the same key and the same database, started after *access*."""
    others = Database()
    other = Access(
        provider=local,
        logins=Logins(database, clock),
        key=signing_key(),
        issuer="https://node",
        clock=clock,
        others=others,
    )
    others.access = other
    await other.start()
    return other


def unsettled(access: Access, pair: TokenPair) -> bool:
    with pytest.raises(Unauthenticated) as caught:
        access.authenticate(pair.access_token.encode())
    return caught.value.unsettled


async def test_a_token_of_another_node_is_good_once_its_decisions_were_read(
    access: Access, other: Access
) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    assert unsettled(other, pair)
    await other.settle()
    assert holder(other, pair) == ADMIN


async def test_a_token_is_refused_for_good_once_their_decisions_say_nothing_of_it(
    access: Access, other: Access
) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    await access.revoke(pair.refresh_token)
    assert unsettled(other, pair)
    await other.settle()
    assert not unsettled(other, pair)


async def test_one_box_has_nobody_to_ask(access: Access) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    await access.revoke(pair.refresh_token)
    assert not unsettled(access, pair)
    await access.settle()


async def test_what_is_forged_or_over_is_asked_of_nobody(
    access: Access, other: Access, clock: TurnedClock
) -> None:
    pair = await access.login("admin", PASSWORD, PEER)
    with pytest.raises(Unauthenticated) as caught:
        other.authenticate(unsigned(pair.access_token))
    assert not caught.value.unsettled
    clock.advance(ACCESS_LIFE)
    assert not unsettled(other, pair)


async def test_a_login_that_another_node_ended_is_over_here(access: Access, other: Access) -> None:
    pair = await other.login("admin", PASSWORD, PEER)
    await access.take_in(0)
    assert holder(access, pair) == holder(other, pair) == ADMIN
    await access.end_logins("admin")
    await other.take_in(0)
    assert not unsettled(access, pair)
    with pytest.raises(Unauthenticated):
        other.authenticate(pair.access_token.encode())


async def test_logins_of_others_that_are_long_over_are_not_kept(
    access: Access, other: Access, clock: TurnedClock
) -> None:
    await access.login("admin", PASSWORD, PEER)
    clock.advance(ACCESS_LIFE + timedelta(seconds=1))
    await other.take_in(0)
    assert other._alive == {}


class Away:
    """A provider that cannot be asked for a while."""

    def __init__(self, behind: LocalAccounts) -> None:
        self.behind, self.is_away = behind, True

    def principal(self, username: str) -> Principal | None:
        return self.behind.principal(username)

    async def verify(self, username: str, password: str) -> Principal:
        if self.is_away:
            raise Unavailable("It cannot be asked at present.")
        return await self.behind.verify(username, password)


async def test_a_login_that_nobody_could_check_counts_as_no_failure(
    database: SqliteDatabase, local: LocalAccounts, clock: TurnedClock
) -> None:
    away, logins = Away(local), Logins(database, clock)
    access = Access(provider=away, logins=logins, key=signing_key(), issuer="x", clock=clock)
    for _ in range(Limits().per_account + 1):
        with pytest.raises(Unavailable):
            await access.login("admin", PASSWORD, PEER)
    away.is_away = False
    assert holder(access, await access.login("admin", PASSWORD, PEER)) == ADMIN
