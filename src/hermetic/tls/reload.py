"""A context whose certificate changes while connections come in.

The listener gets `base`, once.  It holds no certificate at all: what it presents is named for
each handshake in the SNI callback, which OpenSSL calls with and without SNI.  So there is no
moment in which a context in use is written to, none in which half of a pair is served, and
nothing old that could come back.  An open connection keeps what its handshake was made with.
"""

import ssl
from collections import Counter
from collections.abc import Callable, Sequence

from hermetic.certificates.credential import Credential
from hermetic.certificates.names import ServerName
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, HermeticError
from hermetic.log import logger
from hermetic.tls import acceptance
from hermetic.tls.alerts import AlertingContext
from hermetic.tls.contexts import TlsProfile, empty_server_context, prove, server_context
from hermetic.tls.presented import Presented
from hermetic.tls.tally import Tally

log = logger(__name__)


class SwappingContext:
    """The TLS side of one listener: `base` for it, `swap` for whoever has a new credential.

    A handshake for a name that the credential is not for is refused with the alert
    `unrecognized_name` (RFC 6066, 3); one without a name is served.  Not safe to be used from
    several threads at once; what it counts may be read from any.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        clock: Clock,
        names: Sequence[str] = (),
        role: Role = Role.API,
        profile: TlsProfile = TlsProfile.INTERMEDIATE,
        client_roots: bytes | None = None,
        beside: "SwappingContext | None" = None,
        on_change: Callable[["SwappingContext"], None] = lambda context: None,
    ) -> None:
        """Serve *credential* from the first handshake on.

        Args:
            credential: What to serve; it is checked as in `swap`.
            clock: Tells the time at which a credential must be valid.
            names: What every credential must cover, as a person may write it; none: anything.
            role: What every credential must be for.
            profile: Which versions of TLS to speak.
            client_roots: Whom to let in; see `contexts.empty_server_context`.
            beside: What serves handshakes for names that the credential is not for, and it is; to
                both any client may come.
            on_change: Called after each swap, and after each refusal, which `last_error` tells
                then; it must not raise.

        Raises:
            CertificateRejected: As `swap`.
            BadInput: One of the names is none.
        """
        self._clock, self._role, self._profile = clock, role, profile
        self._names = tuple(ServerName.parse(name) for name in names)
        self._client_roots, self._on_change = client_roots, on_change
        self._beside = beside if client_roots is None else None
        self.further: Callable[[str], ssl.SSLContext | None] | None = None
        """Gives what is presented for names that the credential is not for (`by_name`).

        Not for a context with client roots: whoever is asked for a certificate is so by this one.
        """
        self.swaps = 0
        self.refusals: Counter[str] = Counter()
        self.last_error: HermeticError | None = None
        self._unknown = Tally(log)
        self._presented = self._proven(credential)
        base = empty_server_context(profile, client_roots=client_roots)
        base.sni_callback, base.on_unreadable_name = self._choose, self._note_unreadable
        self.base: AlertingContext = base

    @property
    def role(self) -> Role:
        """What every credential it serves is for."""
        return self._role

    @property
    def credential(self) -> Credential:
        """What is being served."""
        return self._presented.credential

    @property
    def served(self) -> ssl.SSLContext:
        """What the next handshake is made with; it is never changed."""
        return self._presented.context

    def covers(self, name: str) -> bool:
        """Whether what is served is for *name*."""
        return self._presented.covers(name)

    @property
    def unknown_names(self) -> int:
        """How many handshakes were refused because of their name."""
        return self._unknown.counts["unknown-name"]

    def swap(self, credential: Credential) -> bool:
        """Serve *credential* from the next handshake on; return whether anything changed.

        It is checked, a context is built for it and proven by a handshake in memory; that takes
        two or three milliseconds, in which nothing waits but the event loop.

        Raises:
            CertificateRejected: With the codes of `acceptance.check` and `check_successor`,
                `contexts.server_context` and `contexts.prove`; `refuse` was called, and the last good one stays.
        """
        if self._presented.is_of(credential):
            self.last_error = None
            return False
        try:
            proven = self._proven(credential)
            acceptance.check_successor(credential, self.credential)
        except CertificateRejected as error:
            self.refuse(error)
            raise
        self._presented = proven
        self.swaps += 1
        self.last_error = None
        chain = credential.chain
        log.info(
            "certificate.swapped",
            names=chain.names[:10],
            serial=f"{chain.serial:x}",
            not_after=chain.not_after.isoformat(),
        )
        self._on_change(self)
        return True

    def refuse(self, error: HermeticError) -> None:
        """Count and log that something was offered which cannot be served, and why."""
        code = error.code if isinstance(error, CertificateRejected) else error.type
        self.refusals[code] += 1
        self.last_error = error
        log.warning(
            "certificate.refused",
            reason=code,
            text=error.text,
            served_until=self.credential.chain.not_after.isoformat(),
        )
        self._on_change(self)

    def admit(self, client_roots: bytes) -> None:
        """Let in clients of *client_roots* from the next handshake on, and no others.

        With nothing (`b""`) nobody is let in.  For a context made with client roots: whether a
        client must show a certificate is fixed at its beginning.  Connections that are open stay
        open; to close them is the caller's.

        Raises:
            CertificateRejected: The roots are not certificates; the last good ones stay.
        """
        if self._client_roots is None:
            raise HermeticError("This context asks no client for a certificate, and never will.")
        # Without `acceptance`: that a certificate has expired must not keep a root from going.
        self._presented = self._built(self.credential, client_roots)
        self._client_roots = client_roots

    def _proven(self, credential: Credential) -> Presented:
        acceptance.check(credential, names=self._names, role=self._role, at=self._clock())
        return self._built(credential, self._client_roots)

    def _built(self, credential: Credential, client_roots: bytes | None) -> Presented:
        context = server_context(credential, profile=self._profile, client_roots=client_roots)
        prove(context, credential)
        return Presented.of(credential, context)

    def _choose(
        self, handshake: ssl.SSLObject, name: str | None, _base: ssl.SSLContext
    ) -> int | None:
        presented = self._presented
        if name is not None and not presented.covers(name):
            found = self.further(name) if self.further is not None else None
            if found is not None:
                handshake.context = found
                return None
            if self._beside is not None and self._beside.covers(name):
                handshake.context = self._beside.served
                return None
            self._unknown.note("tls.unknown_name", "unknown-name", name=name)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        handshake.context = presented.context
        return None

    def _note_unreadable(self, name: bytes) -> None:
        self._unknown.note("tls.unknown_name", "unknown-name", name=repr(name))
