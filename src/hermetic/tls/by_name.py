"""Credentials for further host names on one listener: who asks for a name gets the one that is for it.

The listener's own `SwappingContext` asks here for names that its own credential is not for.  What
is presented is looked up in tables, so that a thousand host names cost a handshake no more than
one.  A thread may exchange what is presented while handshakes go on in another.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected
from hermetic.log import logger
from hermetic.tls import acceptance
from hermetic.tls.contexts import TlsProfile, prove, server_context
from hermetic.tls.presented import Presented

log = logger(__name__)


class ByName:
    """What is presented by name; `present` exchanges all of it, `find` is asked in handshakes."""

    def __init__(
        self, *, clock: Clock, role: Role, profile: TlsProfile = TlsProfile.INTERMEDIATE
    ) -> None:
        """Present nothing yet; each credential must be for *role*, at the time that *clock* tells."""
        self._clock, self._role, self._profile = clock, role, profile
        self._presented: dict[str, Presented] = {}
        self._exact: dict[str, ssl.SSLContext] = {}
        self._parents: dict[str, ssl.SSLContext] = {}
        self.troubles: Mapping[str, str] = {}
        """Why the last that was offered under a key is not presented."""

    @property
    def chains(self) -> Mapping[str, Chain]:
        """What is presented, by key."""
        return {key: one.credential.chain for key, one in self._presented.items()}

    def find(self, name: str) -> ssl.SSLContext | None:
        """Return what the next handshake for *name* is made with; `None` if nothing is for it."""
        name = name.lower()
        return self._exact.get(name) or self._parents.get(name.partition(".")[2])

    def present(
        self,
        offered: Mapping[str, Credential | CertificateRejected],
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        """Present *offered*, and nothing else; for one that cannot be, the last good one goes on.

        Of two for the same name the one that ends later is presented.  A new one costs two or
        three milliseconds; in a thread of its own nobody waits for them.

        Args:
            offered: By key, the credential, or why there is none.
            hosts: By key, the one name that it is presented for; else it is for all of its own.
        """
        presented: dict[str, Presented] = {}
        troubles: dict[str, str] = {}
        for key, credential in offered.items():
            before = self._presented.get(key)
            try:
                presented[key] = self._taken(key, credential, before, (hosts or {}).get(key))
            except CertificateRejected as error:
                troubles[key] = self._refused(key, error)
                if before is not None:
                    presented[key] = before
        for key in self._presented.keys() - presented.keys():
            log.info("certificate.withdrawn", entry=key)
        self._presented, self.troubles = presented, troubles
        self._index()

    def _taken(
        self,
        key: str,
        offered: Credential | CertificateRejected,
        before: Presented | None,
        host: str | None,
    ) -> Presented:
        if isinstance(offered, CertificateRejected):
            raise offered
        if before is not None and before.is_of(offered):
            return before
        acceptance.check(offered, names=(), role=self._role, at=self._clock())
        if before is not None:
            acceptance.check_successor(offered, before.credential)
        context = server_context(offered, profile=self._profile)
        prove(context, offered)
        log.info(
            "certificate.presented",
            entry=key,
            names=offered.chain.names[:10],
            serial=f"{offered.chain.serial:x}",
            not_after=offered.chain.not_after.isoformat(),
        )
        if host is not None:
            return Presented(offered, context, frozenset({host}), frozenset())
        return Presented.of(offered, context)

    def _refused(self, key: str, error: CertificateRejected) -> str:
        if self.troubles.get(key) != error.text:
            log.warning("certificate.refused", entry=key, reason=error.code, text=error.text)
        return error.text

    def _index(self) -> None:
        def end(one: Presented) -> datetime:
            return one.credential.chain.not_after

        exact: dict[str, ssl.SSLContext] = {}
        parents: dict[str, ssl.SSLContext] = {}
        for one in sorted(self._presented.values(), key=end):
            exact.update(dict.fromkeys(one.exact, one.context))
            parents.update(dict.fromkeys(one.parents, one.context))
        self._exact, self._parents = exact, parents
