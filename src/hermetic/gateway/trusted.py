"""Whom to trust because of our authority, for those who verify what it signs."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.extensions import extension
from hermetic.certificates.revoking import Revoked
from hermetic.clock import Clock
from hermetic.registry.orders import Orders, Revocation

_AFRESH = timedelta(hours=1)


class Vouching(Protocol):
    """Our own authority, as far as it says whom to trust."""

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """Whom to trust."""

    def revocation_lists(
        self, revoked: Sequence[Revoked]
    ) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the signed lists of what was *revoked*."""


class Trusted:
    """The roots of our authority, and its revocation lists, made anew each hour."""

    def __init__(self, authority: Vouching, orders: Orders, clock: Clock) -> None:
        self._authority, self._orders, self._clock = authority, orders, clock
        self._made: tuple[object, datetime, tuple[x509.CertificateRevocationList, ...]] | None
        self._made = None

    async def roots(self) -> list[str]:
        """Return the roots, in PEM."""
        return [one.public_bytes(Encoding.PEM).decode() for one in self._authority.roots]

    async def fingerprints(self) -> frozenset[str]:
        """Return the SHA-256 of the roots."""
        return frozenset(Chain((one,)).sha256 for one in self._authority.roots)

    async def newest(self) -> str:
        """Return the SHA-256 of the root that signs now."""
        return Chain(self._authority.roots[:1]).sha256

    async def revocation_lists(self) -> Sequence[x509.CertificateRevocationList]:
        """Return the lists, none of them as long as nothing was ever revoked.

        From then on there always are some: whoever was given one refuses everybody once it has ended.
        """
        if not await self._orders.ever_revoked():
            return ()
        return self._current(await self._orders.revoked())

    async def lists(self) -> Mapping[str, bytes]:
        """Return every list in DER, by the key that signed it, also if nothing was revoked."""
        found = self._current(await self._orders.revoked())
        return {_signer(one): one.public_bytes(Encoding.DER) for one in found}

    async def told(self) -> Mapping[str, object]:
        """Return what an enrolled node is to believe."""
        lists = [one.public_bytes(Encoding.DER) for one in await self.revocation_lists()]
        return {
            "roots": await self.roots(),
            "revocationLists": [base64.b64encode(one).decode() for one in lists],
        }

    def _current(self, revoked: Sequence[Revocation]) -> tuple[x509.CertificateRevocationList, ...]:
        word = tuple(revoked), self._authority.roots
        now = self._clock()
        if self._made is None or self._made[0] != word or not _fresh(self._made[1], now):
            listed = [Revoked(int(one.serial, 16), one.revoked_at, one.reason) for one in revoked]
            self._made = word, now, self._authority.revocation_lists(listed)
        return self._made[2]


def _fresh(made: datetime, now: datetime) -> bool:
    return made <= now < made + _AFRESH


def _signer(one: x509.CertificateRevocationList) -> str:
    found = extension(one, x509.AuthorityKeyIdentifier)
    return "" if found is None else (found.value.key_identifier or b"").hex()
