"""Tokens, by which nodes and other ACME clients come to certificates of our authority."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jwt.utils import base64url_encode

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal
from hermetic.certificates.names import PresentedName
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.errors import BadInput, NotFound, NotPermitted, RefusedByIssuer
from hermetic.gateway.certifying import Books, Certifying
from hermetic.gateway.trusted import Trusted
from hermetic.log import logger
from hermetic.registry.enrolments import Enrolment

LONGEST = timedelta(days=30)
_WITHDRAWN = 9  # privilegeWithdrawn, RFC 5280, 5.3.1

log = logger(__name__)


@dataclass(frozen=True)
class Token:
    """A token as it is shown once: an external account of ACME, and the root to know us by."""

    enrolment: Enrolment
    mac_key: str = field(repr=False)
    root: str
    """The SHA-256 of the root."""

    @property
    def text(self) -> str:
        """All of it in one word."""
        return f"{self.enrolment.id}.{self.mac_key}.{self.root}"


class Joining:
    """Gives out tokens and takes them back, for Owners alone."""

    def __init__(
        self, certifying: Certifying, books: Books, trusted: Trusted, clock: Clock
    ) -> None:
        self._certifying, self._trusted, self._clock = certifying, trusted, clock
        self._enrolments, self._orders = books.enrolments, books.orders

    async def give(
        self,
        principal: Principal,
        roles: Sequence[str],
        names: Sequence[str],
        valid: timedelta,
    ) -> Token:
        """Return a token that serves once, within *valid*.

        Args:
            roles: What certificates may be for, the usual one first.
            names: DNS names and addresses that may be certified.

        Raises:
            NotPermitted: The principal is no Owner.
            BadInput: A role or the time is none that can be.
            CertificateRejected: A name cannot be certified (`bad-name`).
        """
        _refuse_others(principal)
        if not timedelta(minutes=1) <= valid <= LONGEST:
            raise BadInput("A token is good for a minute at least, and thirty days at most.")
        known = [one.value for one in Role]
        unknown = sorted(set(roles) - set(known))
        if unknown or not roles:
            raise BadInput(f"A token is for some of {', '.join(known)}, not for {unknown}.")
        if not names:
            raise BadInput("Say which names the token is for.")
        now = self._clock()
        made = Enrolment(
            secrets.token_urlsafe(12).replace("-", "x").replace("_", "y"),
            tuple(dict.fromkeys(roles)),
            tuple(dict.fromkeys(PresentedName.parse(one).text for one in names)),
            principal.name,
            now,
            now + valid,
        )
        await self._enrolments.add(made)
        log.info("enrolment.token", enrolment=made.id, names=made.names, account=principal.name)
        key = base64url_encode(self._certifying.mac_key(made.id)).decode()
        return Token(made, key, await self._trusted.newest())

    async def all(self, principal: Principal) -> list[Enrolment]:
        """Return every token and what became of it; raises `NotPermitted`."""
        _refuse_others(principal)
        return await self._enrolments.all()

    async def expel(self, principal: Principal, id_: str) -> int:
        """Take a token back, or end the account and revoke what it has; return how many.

        Raises:
            NotPermitted: The principal is no Owner.
            NotFound: There is none, or it has ended; what it had is revoked all the same.
        """
        _refuse_others(principal)
        ended, revoked = await self._enrolments.end(id_), 0
        for one in await self._orders.certified_for(id_):
            try:
                await self._certifying.revoke(one, _WITHDRAWN, by=principal.name)
                revoked += 1
            except RefusedByIssuer:  # revoked before
                continue
        if not ended and not revoked:
            raise NotFound(
                f"There is no enrolment {id_[:80]!r}: `hermetic node enrolled` lists all."
            )
        log.info("enrolment.ended", enrolment=id_, revoked=revoked, by=principal.name)
        return revoked


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner lets nodes join, and sends them away.")
