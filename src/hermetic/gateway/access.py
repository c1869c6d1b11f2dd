"""Who may come in: logging in, tokens, and their end.

An access token is checked in full once and then known by its digest, since a signature costs
as much as a whole call.  Whether its login still lives is asked every time, in memory; so a
revoked token is refused by the next request.
"""

import base64
import hashlib
import secrets
import uuid
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.access.principals import Principal
from hermetic.access.throttle import Limits, Throttle
from hermetic.access.tokens import (
    ACCESS_LIFE,
    CHAIN_LIFE,
    REFRESH_LIFE,
    Claims,
    Refusal,
    sign,
    verify,
)
from hermetic.clock import Clock
from hermetic.errors import TooManyAttempts, Unauthenticated
from hermetic.gateway.completion import to_the_end
from hermetic.gateway.others import ALONE, Others
from hermetic.identity.provider import IdentityProvider
from hermetic.log import logger
from hermetic.registry.logins import Login, Logins

log = logger(__name__)

REMEMBERED = 4096  # checked tokens; each costs about 500 bytes, and one beyond is checked again

_REFRESH_BYTES = 32
_REFRESH_LONGEST = 256


@dataclass(frozen=True)
class TokenPair:
    """What a login yields.

    `expires_on` is when the access token ends, `expires_in_s` how long that is from its issue.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    expires_on: datetime


@dataclass(frozen=True)
class AccessToken:
    """An access token by itself, and when it ends."""

    token: str = field(repr=False)
    expires_at: datetime


class Access:
    """Logs people in, and says of every request who sent it."""

    def __init__(
        self,
        *,
        provider: IdentityProvider,
        logins: Logins,
        key: RSAPrivateKey,
        issuer: str,
        clock: Clock,
        limits: Limits | None = None,
        others: Others = ALONE,
    ) -> None:
        self._others = others
        self._provider = provider
        self._logins = logins
        self._key = key
        self._public_key = key.public_key()
        self._issuer = issuer
        self._clock = clock
        self._throttle = Throttle(limits or Limits())
        self._checked: OrderedDict[bytes, Claims] = OrderedDict()
        # In order of issue, hence of expiry; a login beyond its access token need not be here.
        self._alive: dict[str, datetime] = {}
        # Which reading of what other nodes decided an unknown login was first asked for in.
        self._asked: OrderedDict[str, int] = OrderedDict()
        self._readings = 0
        # How often all logins of a name were ended.
        self._ends: Counter[str] = Counter()

    async def start(self) -> None:
        """Read which logins are alive; MUST be awaited before anything else is asked."""
        since = self._clock() - ACCESS_LIFE
        for login in sorted(await self._logins.alive(since=since), key=lambda one: one.issued_at):
            self._alive[login.id] = login.issued_at + ACCESS_LIFE

    async def take_in(self, since_revision: int) -> None:
        """Take in what other web nodes decided about logins since a revision."""
        oldest = self._clock() - ACCESS_LIFE
        for change in await self._logins.changed(since_revision):
            if not change.is_alive:
                self._alive.pop(change.id, None)
            elif change.issued_at > oldest:
                self._alive.setdefault(change.id, change.issued_at + ACCESS_LIFE)

    async def login(self, username: str, password: str, peer: str) -> TokenPair:
        """Return tokens for whoever knows the password of *username*.

        *peer* is the address the request came from; failures are counted by it, too.

        Raises:
            Unauthenticated: The user is unknown or the password wrong; which, is not told.
            TooManyAttempts: Too many failures of this account or from this address.
            Busy: Too many logins are being checked at once.
        """
        ends_before = self._ends.get(username, 0)
        principal = await self.prove(username, password, peer)
        now = self._clock()
        login = self._login(principal.name, str(uuid.uuid4()), now, now + CHAIN_LIFE)
        refresh_token = _new_refresh_token()
        for ended in await self._logins.add(login, _digest(refresh_token)):
            self._alive.pop(ended, None)
        if self._ends.get(username, 0) != ends_before:
            # The password was changed between its check and the keeping of the login.
            await self._end_chain(login)
            raise Unauthenticated("The password was changed meanwhile: log in again.")
        log.info("login.succeeded", account=principal.name, login=login.chain, peer=peer)
        return self._pair(login, refresh_token)

    async def prove(self, username: str, password: str, peer: str) -> Principal:
        """Return who *username* is if *password* is theirs; raises as `login` does."""
        # Only names we know are logged: people type their password where the name belongs.
        account = username if self._provider.principal(username) else None
        try:
            attempt = self._throttle.begin(username, peer, now=self._clock())
        except TooManyAttempts:
            log.warning("login.throttled", account=account, peer=peer)
            raise
        try:
            principal = await self._provider.verify(username, password)
        except Unauthenticated:
            log.warning("login.failed", account=account, peer=peer)
            raise
        except BaseException:
            # Nobody said that the password was wrong.
            self._throttle.withdraw(attempt)
            raise
        self._throttle.succeed(attempt)
        return principal

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return a new pair; the old refresh token and the access token beside it die at once.

        Raises:
            Unauthenticated: The token is unknown, spent, revoked or expired.
        """
        return await to_the_end(self._refresh(refresh_token))

    async def delegate(self, principal: Principal) -> str:
        """Return a secret that a program of *principal*'s may `exchange` for tokens.

        It is good for 14 days, or until their logins are ended.
        """
        now = self._clock()
        login = self._login(principal.name, str(uuid.uuid4()), now, now + CHAIN_LIFE)
        secret = _new_refresh_token()
        for ended in await self._logins.add(login, _digest(secret)):
            self._alive.pop(ended, None)
        log.info("login.delegated", account=principal.name, login=login.chain)
        return secret

    async def exchange(self, secret: str) -> AccessToken:
        """Return an access token for a *secret* that stays good, unlike a refresh token.

        Raises:
            Unauthenticated: The secret is unknown, revoked or expired.
        """
        login = await self._redeemable(secret)
        if self._provider.principal(login.principal) is None:
            raise _refused(Refusal.UNKNOWN_PRINCIPAL)
        issued_at = self._clock().replace(microsecond=0)
        expires_at = min(issued_at + ACCESS_LIFE, login.refresh_until)
        self._alive.pop(login.id, None)
        self._alive[login.id] = self._clock() + ACCESS_LIFE
        claims = Claims(login.principal, login.id, issued_at, expires_at)
        return AccessToken(sign(claims, self._key, issuer=self._issuer), expires_at)

    async def revoke(self, refresh_token: str) -> None:
        """End the login *refresh_token* belongs to: its access token dies at once.

        Raises:
            Unauthenticated: The token is unknown, spent, revoked or expired.
        """
        await to_the_end(self._revoke(refresh_token))

    async def end_logins(self, name: str) -> None:
        """End every login of *name*: all its tokens die at once."""
        await to_the_end(self._end_logins(name))

    def authenticate(self, bearer: bytes, digest: bytes = b"") -> Principal:
        """Return who holds the access token *bearer*, in the role they have now.

        *bearer* is the token alone, without the word `Bearer`; *digest* its SHA-256, where that
        is known already.  Never waits.

        Raises:
            Unauthenticated: Always with the same sentence; the log says why.
        """
        now = self._clock()
        digest = digest or hashlib.sha256(bearer).digest()
        claims = self._checked.get(digest)
        if claims is None:
            checked = verify(bearer, self._public_key, issuer=self._issuer, at=now)
            if isinstance(checked, Refusal):
                raise _refused(checked)
            claims = checked
            self._remember(digest, claims)
        if now >= claims.expires_at:
            self._checked.pop(digest, None)
            raise _refused(Refusal.EXPIRED, claims)
        if claims.session not in self._alive:
            self._checked.pop(digest, None)
            raise self._unknown(Refusal.REVOKED, claims)
        self._checked.move_to_end(digest)
        principal = self._provider.principal(claims.subject)
        if principal is None:
            raise self._unknown(Refusal.UNKNOWN_PRINCIPAL, claims)
        return principal

    def _unknown(self, reason: Refusal, claims: Claims) -> Unauthenticated:
        """Return the refusal of a good token whose login or account is not known here.

        It is unsettled until what other web nodes have decided was read once more: a login is
        kept before its token is given out, so one that is unknown then is none.
        """
        asked_at = self._asked.setdefault(claims.session, self._readings)
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        unsettled = self._others.exist and asked_at == self._readings
        return _refused(reason, claims, unsettled=unsettled)

    async def settle(self) -> None:
        """Learn what other web nodes have decided until now."""
        await self._others.learn()
        self._readings += 1

    def _remember(self, digest: bytes, claims: Claims) -> None:
        self._checked[digest] = claims
        if len(self._checked) > REMEMBERED:
            self._checked.popitem(last=False)

    async def _refresh(self, refresh_token: str) -> TokenPair:
        old = await self._redeemable(refresh_token)
        if self._provider.principal(old.principal) is None:
            raise _refused(Refusal.UNKNOWN_PRINCIPAL)
        new = self._login(old.principal, old.chain, self._clock(), old.chain_until)
        new_token = _new_refresh_token()
        succeeded = await self._logins.succeed(old, new, _digest(new_token))
        self._alive.pop(old.id, None)
        await self._others.tell()
        if not succeeded:
            raise _refused(Refusal.REVOKED)
        log.info("login.refreshed", account=new.principal, login=new.chain)
        return self._pair(new, new_token)

    async def _revoke(self, refresh_token: str) -> None:
        login = await self._redeemable(refresh_token)
        await self._end_chain(login)
        log.info("login.revoked", account=login.principal, login=login.chain)

    async def _end_logins(self, name: str) -> None:
        self._ends[name] += 1
        for ended in await self._logins.end_all(name):
            self._alive.pop(ended, None)
        await self._others.tell()
        log.info("login.all-revoked", account=name)

    async def _redeemable(self, refresh_token: str) -> Login:
        if len(refresh_token) > _REFRESH_LONGEST:
            raise _refused(Refusal.MALFORMED)
        found = await self._logins.find(_digest(refresh_token))
        if found is None:
            raise _refused(Refusal.REVOKED)
        login, is_unspent = found
        if not is_unspent:
            # Whoever comes second with a spent token, one of the two stole it, and we cannot
            # tell which: so neither stays (RFC 9700, 4.14.2).
            await self._end_chain(login)
            log.warning("login.reused", account=login.principal, login=login.chain)
            raise _refused(Refusal.REVOKED)
        if self._clock() >= login.refresh_until:
            raise _refused(Refusal.EXPIRED)
        return login

    async def _end_chain(self, login: Login) -> None:
        for ended in await self._logins.end_chain(login.chain):
            self._alive.pop(ended, None)
        await self._others.tell()

    def _login(self, name: str, chain: str, now: datetime, chain_until: datetime) -> Login:
        until = min(now + REFRESH_LIFE, chain_until)
        return Login(str(uuid.uuid4()), chain, name, now, until, chain_until)

    def _pair(self, login: Login, refresh_token: str) -> TokenPair:
        # Whole seconds, since that is what a token can say; otherwise it would end, for us,
        # before the moment it names.
        issued_at = login.issued_at.replace(microsecond=0)
        expires_at = issued_at + ACCESS_LIFE
        while self._alive and next(iter(self._alive.values())) <= issued_at:
            del self._alive[next(iter(self._alive))]
        self._alive[login.id] = login.issued_at + ACCESS_LIFE
        claims = Claims(login.principal, login.id, issued_at, expires_at)
        token = sign(claims, self._key, issuer=self._issuer)
        return TokenPair(token, refresh_token, int(ACCESS_LIFE.total_seconds()), expires_at)


def _new_refresh_token() -> str:
    # Safe in an address: ML Server 9.0.1 took it as a step of the path when it was revoked.
    return base64.urlsafe_b64encode(secrets.token_bytes(_REFRESH_BYTES)).decode()


def _digest(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


def _refused(
    reason: Refusal, claims: Claims | None = None, *, unsettled: bool = False
) -> Unauthenticated:
    log.info("access.refused", reason=reason, account=claims.subject if claims else None)
    return Unauthenticated(
        "The token is missing, wrong, expired or revoked: log in for a new one.",
        unsettled=unsettled,
    )
