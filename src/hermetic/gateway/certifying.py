"""What our authority does for others, as an ACME server has it (RFC 8555), without HTTP.

Whoever has an account was given a token by an Owner, and the token says which names and roles may
be certified.  So nothing has to be proved: an order is ready at once, or refused.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.names import PresentedName
from hermetic.certificates.renewal import Window
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import BACKDATE, requested_key, requested_names
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, Conflict, RefusedByIssuer, TooManyAttempts
from hermetic.log import logger
from hermetic.registry.enrolments import Enrolment, Enrolments
from hermetic.registry.orders import Certified, Order, Orders, Revocation

ORDER_LIFE = timedelta(days=7)
BUDGET, BUDGET_OF = 300, timedelta(hours=3)
"""Orders of one account, as Let's Encrypt has it; a node needs two a day."""
SPREAD = timedelta(minutes=10)
"""How far apart replacements are spread that are due at once."""
REASONS = frozenset({0, 1, 3, 4, 5, 9})
"""Of RFC 5280 (5.3.1), those that the holder of a certificate may give, and `privilegeWithdrawn`."""
MOST_NAMES = 100

log = logger(__name__)


class Signing(Protocol):
    """Whoever signs: our own authority."""

    @property
    def issuing(self) -> Chain:
        """What it signs leaves with now."""

    async def sign(self, request: x509.CertificateSigningRequest, role: Role, *, by: str) -> Chain:
        """Return a chain for *request*; see `issuers.authority`."""


@dataclass(frozen=True)
class Books:
    """What is kept of whom an authority certifies for, and of what."""

    enrolments: Enrolments
    orders: Orders


class Certifying:
    """Accounts, orders, certificates of our authority.

    Every method raises `RefusedByIssuer`, with the code of RFC 8555 (6.7) and the HTTP status.

    Args:
        secret: What the secrets of tokens are made from; the same at every web node.
    """

    def __init__(self, authority: Signing, books: Books, secret: bytes, clock: Clock) -> None:
        self._authority, self._clock = authority, clock
        self._enrolments, self._orders = books.enrolments, books.orders
        self._secret = secret

    # Accounts

    def mac_key(self, enrolment: str) -> bytes:
        """Return the secret that belongs to the token *enrolment*; of 256 bits."""
        return hmac.digest(self._secret, b"enrolment " + enrolment.encode(), "sha256")

    async def account(self, id_: str) -> Enrolment:
        """Return the account *id_*, which has not been ended."""
        found = await self._enrolments.find(id_)
        if found is None or found.account_key is None:
            raise refused("accountDoesNotExist", "There is no such account here.", 400)
        if found.ended_at is not None:
            raise refused("unauthorized", "The account was ended: ask for another token.", 401)
        return found

    async def account_with(self, account_key: str) -> Enrolment | None:
        """Return the account that has that key, if there is one."""
        found = await self._enrolments.find_key(account_key)
        return None if found is None else await self.account(found.id)

    async def open_account(self, token: str, account_key: str, contact: Sequence[str]) -> Enrolment:
        """Make an account of a token, which serves once."""
        try:
            redeemed = await self._enrolments.redeem(token, account_key, contact)
        except Conflict:  # the same request came twice at once
            redeemed = False
        if not redeemed:
            known = await self.account_with(account_key)
            if known is not None and known.id == token:
                return known
            raise refused(
                "unauthorized",
                "The token was used, has run out or was taken back: ask for another with"
                " `hermetic node token`.",
                401,
            )
        log.info("enrolment.joined", enrolment=token)
        return await self.account(token)

    async def change_key(self, account: Enrolment, account_key: str) -> None:
        """Let the account have another key from now on."""
        try:
            done = await self._enrolments.change_key(
                account.id, account.account_key or "", account_key
            )
        except Conflict:
            done = False
        if not done:
            raise refused("conflict", "Another account has that key, or this one a newer.", 409)
        log.info("enrolment.key_changed", enrolment=account.id)

    async def change_contact(self, account: Enrolment, contact: Sequence[str]) -> Enrolment:
        """Keep other addresses of the account."""
        await self._enrolments.set_contact(account.id, contact)
        return replace(account, contact=tuple(contact))

    async def close_account(self, account: Enrolment) -> Enrolment:
        """End the account at its own wish; what was certified stays good."""
        await self._enrolments.end(account.id)
        log.info("enrolment.ended", enrolment=account.id, by="itself")
        return replace(account, ended_at=self._clock())

    async def note_trust(self, account: Enrolment, holds: Sequence[str]) -> None:
        """Note that the account is there, and which roots it trusts."""
        await self._enrolments.saw(account.id, holds)

    # Orders

    async def order(
        self, account: Enrolment, names: Sequence[str], *, profile: str = "", replaces: str = ""
    ) -> Order:
        """Make an order, or refuse it.

        Args:
            profile: The role that the certificate is for; the usual one of the token without it.
            replaces: What it takes the place of, as RFC 9773 (4.1) names it.
        """
        canonical = _canonical(names)
        role = profile or account.roles[0]
        if role not in account.roles:
            raise refused(
                "invalidProfile", f"This account may have {', '.join(account.roles)}.", 400
            )
        foreign = sorted(set(canonical) - set(account.names))
        if foreign:
            raise refused(
                "rejectedIdentifier",
                f"The token is for {', '.join(account.names)}, and not for {', '.join(foreign)}:"
                " ask for one that is.",
            )
        await self._refuse_too_many(account)
        replaced = await self._replaced(account, replaces) if replaces else ""
        now = self._clock()
        order = Order(
            secrets.token_urlsafe(16), account.id, role, canonical, replaced, now, now + ORDER_LIFE
        )
        try:
            await self._orders.add(order)
        except Conflict as error:
            raise refused("alreadyReplaced", error.text, 409) from error
        return order

    async def find(self, account: Enrolment, order: str) -> Order:
        """Return an order of the account that can still be used."""
        found = await self._orders.find(order)
        if found is None or found.enrolment != account.id:
            raise refused("malformed", "There is no such order of this account.", 404)
        if found.serial is None and self._clock() > found.expires_at:
            raise refused("malformed", "The order has expired: make another.", 404)
        return found

    async def orders(self, account: Enrolment) -> list[Order]:
        """Return the newest hundred orders of the account."""
        return await self._orders.of(account.id, most=100)

    async def finalize(
        self, account: Enrolment, order: Order, request: x509.CertificateSigningRequest
    ) -> Order:
        """Certify what was ordered for the key of *request*; what was, stays what it was."""
        if order.serial is not None:
            return order
        try:
            names = requested_names(request)
            requested_key(request)
        except CertificateRejected as error:
            raise refused("badCSR", error.text, 400) from error
        if set(names) != set(order.names):
            raise refused("badCSR", "The request names others than the order does.", 400)
        chain = await self._authority.sign(request, Role(order.role), by=f"enrolment {account.id}")
        made = Certified(
            f"{chain.serial:x}",
            account.id,
            order.role,
            chain.names,
            chain.not_before,
            chain.not_after,
            chain.pem.decode(),
        )
        await self._orders.fulfil(order.id, made)
        return await self.find(account, order.id)

    async def chain(self, account: Enrolment, serial: str) -> str:
        """Return a certificate of the account, and its intermediates, in PEM."""
        found = await self._orders.certified(serial)
        if found is None or found.enrolment != account.id:
            raise refused("malformed", "There is no such certificate of this account.", 404)
        return found.chain

    # Certificates

    async def certified(self, serial: int) -> Certified | None:
        """Return the certificate with that serial number, if it was issued for an order."""
        return await self._orders.certified(f"{serial:x}")

    async def revoke(self, certified: Certified, reason: int, *, by: str) -> None:
        """Take a certificate back; it is on the next revocation list."""
        if reason not in REASONS:
            told = ", ".join(map(str, sorted(REASONS)))
            raise refused("badRevocationReason", f"Give one of the reasons {told}.", 400)
        revocation = Revocation(certified.serial, self._clock(), reason, certified.not_after)
        if not await self._orders.revoke([revocation]):
            raise refused("alreadyRevoked", "The certificate was revoked before.", 400)
        log.info("certificate.revoked", serial=certified.serial, reason=reason, by=by)

    async def window(self, certified: Certified) -> Window:
        """Return when to renew (RFC 9773): near two thirds of a life, or soon if it is no good."""
        for one in await self._orders.revoked():
            if one.serial == certified.serial:
                return Window(one.revoked_at, one.revoked_at + SPREAD)
        issuing = self._authority.issuing
        leaf = x509.load_pem_x509_certificate(certified.chain.encode())
        if leaf.issuer != issuing.leaf.subject:
            since = issuing.not_before + BACKDATE
            return Window(since, since + SPREAD)
        life = certified.not_after - certified.not_before
        return Window(certified.not_before + life * 0.6, certified.not_before + life * 0.7)

    async def _replaced(self, account: Enrolment, replaces: str) -> str:
        found = await self._orders.certified(replaces)
        if found is None or found.enrolment != account.id:
            raise refused(
                "malformed", "What is to be replaced is no certificate of this account.", 404
            )
        return found.serial

    async def _refuse_too_many(self, account: Enrolment) -> None:
        now = self._clock()
        made = await self._orders.ordered_since(account.id, now - BUDGET_OF)
        if len(made) >= BUDGET:
            free = made[len(made) - BUDGET] + BUDGET_OF
            raise TooManyAttempts(
                f"{BUDGET} orders in three hours are enough for one account.", _seconds(free - now)
            )


def refused(code: str, text: str, status: int = 403) -> RefusedByIssuer:
    """Return what an ACME client is refused with."""
    return RefusedByIssuer(text, code, status)


def profiles() -> Mapping[str, str]:
    """Return what a certificate can be for, and how that is told."""
    return {
        Role.API.value: "for a server that clients call",
        Role.COMPUTE.value: "for a compute node, which web nodes call",
        Role.AUTHENTICATION.value: "for a web node, to be let in by compute nodes",
    }


def _canonical(names: Sequence[str]) -> tuple[str, ...]:
    if not 1 <= len(names) <= MOST_NAMES:
        raise refused("malformed", f"Order 1 to {MOST_NAMES} names.", 400)
    try:
        return tuple(dict.fromkeys(PresentedName.parse(name).text for name in names))
    except CertificateRejected as error:
        raise refused("rejectedIdentifier", error.text) from error


def _seconds(left: timedelta) -> int:
    return max(1, int(left.total_seconds()) + 1)
