"""Who knocks at a compute node: those who are meant, and those with one thing wrong.

A `Cast` is all of them at one moment, below authorities that are trusted or are not.  The tables
that say who gets in where stand in `tests/support/verdicts.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hermetic.certificates.keys import KeyKind
from tests.support import mint
from tests.support.certificates import key_of
from tests.support.mint import DAY, Change, Extension, Key, Minted

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Caller:
    """What somebody shows, leaf first, and the key it was shown with."""

    certificates: tuple[x509.Certificate, ...]
    key: Key

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]

    @property
    def pem(self) -> bytes:
        """The key and the certificates, as OpenSSL loads them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        shown = (one.public_bytes(serialization.Encoding.PEM) for one in self.certificates)
        return key + b"".join(shown)


def whom(common_name: str) -> x509.Name:
    """Return a subject of Contoso's."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def purposes(*oids: x509.ObjectIdentifier, critical: bool = False) -> Extension:
    """Return an extended key usage."""
    return x509.ExtendedKeyUsage(oids), critical


def alternatives(*names: str, critical: bool = False) -> Extension:
    """Return a subjectAltName; a name with `://` is a URI."""
    return (
        x509.SubjectAlternativeName(
            [
                x509.UniformResourceIdentifier(one) if "://" in one else mint.general(one)
                for one in names
            ]
        ),
        critical,
    )


WEB_1 = alternatives("web-1.nodes.test", "spiffe://contoso/web-1")


@dataclass(frozen=True)
class Cast:
    """All who knock, at the moment *now*."""

    now: datetime
    _made: dict[str, Caller] = field(default_factory=dict, compare=False, repr=False)

    def identity(self, name: str) -> Caller:
        """Return one of `IDENTITIES`, each time the same."""
        if name not in self._made:
            self._made[name] = IDENTITIES[name](self)
        return self._made[name]

    def authority(
        self,
        name: str,
        above: Minted | None = None,
        *,
        put: tuple[Extension, ...] = (),
        path_length: int | None = None,
        key: Key | None = None,
    ) -> Minted:
        """Return an authority that began a month ago and has a year."""
        change = Change(
            put=put,
            not_before=self.now - 30 * DAY,
            not_after=self.now + 365 * DAY,
            serial=2000 + sum(name.encode()),
        )
        return mint.authority(name, above=above, path_length=path_length, key=key, change=change)

    @cached_property
    def root(self) -> Minted:
        return self.authority("Contoso Root")

    @cached_property
    def issuing(self) -> Minted:
        return self.authority("Contoso Issuing", self.root, path_length=0)

    @cached_property
    def guests(self) -> Minted:
        return self.authority("Guests", self.root)

    @cached_property
    def legacy(self) -> Minted:
        return self.authority("Legacy Root")

    @cached_property
    def ended(self) -> Minted:
        """A root that is trusted, and whose time is over."""
        change = Change(not_before=self.now - 30 * DAY, not_after=self.now - DAY)
        return mint.authority("Ended Root", change=change)

    @cached_property
    def stranger(self) -> Minted:
        return self.authority("Stranger")

    @cached_property
    def namesake(self) -> Minted:
        """An authority that calls itself as ours does, with a key of its own."""
        key = key_of(KeyKind.EC_P256, 998)
        above = self.authority("Contoso Root", key=key_of(KeyKind.EC_P256, 997))
        return self.authority("Contoso Issuing", above, key=key)

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """Whom the compute node trusts."""
        return tuple(one.certificate for one in (self.root, self.legacy, self.ended))

    def caller(
        self,
        name: str = "web-1",
        above: Minted | None = None,
        *further: Minted,
        put: tuple[Extension, ...] = (WEB_1,),
        key: Key | None = None,
        **changes: Any,
    ) -> Caller:
        """Return web-1, or another: below *above* (and *further*, which it shows too)."""
        above = above or self.issuing
        key = key or key_of(KeyKind.EC_P256, 500 + sum(name.encode()) % 400)
        change = replace(
            Change(
                put=(purposes(CLIENT), *put),
                not_before=self.now - DAY / 24,
                not_after=self.now + DAY,
                serial=1000 + sum(name.encode()),
                subject=whom(name),
            ),
            **changes,
        )
        leaf = mint.leaf(above, key=key, change=change)
        shown = (leaf, *(one.certificate for one in (above, *further) if not _is_root(one)))
        return Caller(shown, key)

    def crl(
        self, above: Minted, *revoked: x509.Certificate, begins: int = -20, ends: int = 1
    ) -> mint.RevocationList:
        """Return a list of *above* that is good from *begins* to *ends*, in days from now."""
        return mint.revocation_list(
            above,
            *revoked,
            last_update=self.now + begins * DAY,
            next_update=self.now + ends * DAY,
        )

    @cached_property
    def lists(self) -> tuple[mint.RevocationList, ...]:
        """The current lists of those who issue."""
        revoked = FAULTS["revoked"].make(self).leaf
        withdrawn = self.authority("Withdrawn", self.root).certificate
        return self.crl(self.issuing, revoked), self.crl(self.root, withdrawn)


def _is_root(one: Minted) -> bool:
    return one.certificate.subject == one.certificate.issuer


# Those who are meant, in one place or another.
IDENTITIES: dict[str, Callable[[Cast], Caller]] = {
    "web-1": lambda cast: cast.caller(),
    "web-2": lambda cast: cast.caller("web-2", put=(alternatives("web-2.nodes.test"),)),
    "guest": lambda cast: cast.caller("guest", cast.guests, put=(alternatives("guest.test"),)),
    # ML Server asked for a subject, and many a certificate of its time has nothing else.
    "legacy": lambda cast: cast.caller(
        above=cast.legacy, put=(), leave_out=[x509.SubjectAlternativeName], serial=7
    ),
    "any": lambda cast: cast.caller("any", put=(alternatives("*.nodes.test", "192.0.2.7"),)),
}


def _signs(cast: Cast) -> Extension:
    return mint.usage(digital_signature=True, key_cert_sign=True), True


def _constraints(*, permitted: str) -> Extension:
    return x509.NameConstraints([x509.DNSName(permitted)], None), True


@cache
def _weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _self_signed(cast: Cast) -> Caller:
    key = key_of(KeyKind.EC_P256, 996)
    own = Minted(mint.leaf(cast.issuing, key=key, change=Change(subject=whom("web-1"))), key)
    return Caller((cast.caller(above=own, key=key).leaf,), key)


def _below_a_leaf(cast: Cast) -> Caller:
    web_2 = cast.identity("web-2")
    return cast.caller("web-1", Minted(web_2.leaf, web_2.key), cast.issuing)


def _changed(cast: Cast) -> Caller:
    """Return web-2 that calls itself web-1 since it was signed."""
    web_2 = cast.identity("web-2")
    leaf = mint.patched(web_2.leaf, b"web-2", b"web-1")
    return Caller((leaf, *web_2.certificates[1:]), web_2.key)


def _below(name: str, *put: Extension) -> Callable[[Cast], Caller]:
    """Return what makes web-1 below an intermediate that is wrong for it."""
    return lambda cast: cast.caller("web-1", cast.authority(name, cast.root, put=put))


def _too_deep(cast: Cast) -> Caller:
    return cast.caller("web-1", cast.authority("Deeper", cast.issuing), cast.issuing)


def _below_ended_intermediate(cast: Cast) -> Caller:
    change = Change(not_before=cast.now - 9 * DAY, not_after=cast.now - DAY)
    return cast.caller("web-1", mint.authority("Ended", above=cast.root, change=change))


def _leaf_alone(cast: Cast) -> Caller:
    web_1 = cast.caller()
    return Caller(web_1.certificates[:1], web_1.key)


def _stranger_with_root(cast: Cast) -> Caller:
    theirs = cast.caller(above=cast.stranger)
    return Caller((theirs.leaf, cast.stranger.certificate), theirs.key)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with web-1, and the code it is refused with wherever it knocks."""

    code: str
    make: Callable[[Cast], Caller]


FAULTS = {
    "expired": Fault("expired", lambda c: c.caller(not_after=c.now - timedelta(minutes=1))),
    "not yet valid": Fault(
        "not-yet-valid", lambda c: c.caller(not_before=c.now + timedelta(minutes=9))
    ),
    "revoked": Fault("revoked", lambda c: c.caller(serial=666)),
    "self-signed": Fault("untrusted-root", _self_signed),
    "of a stranger": Fault("unknown-issuer", lambda c: c.caller(above=c.stranger)),
    "of a stranger, with the root": Fault("untrusted-root", _stranger_with_root),
    "of a namesake": Fault("bad-signature", lambda c: c.caller(above=c.namesake)),
    "without the intermediate": Fault("unknown-issuer", _leaf_alone),
    "an authority": Fault("ca-as-leaf", lambda c: Caller((c.issuing.certificate,), c.issuing.key)),
    "the root": Fault("ca-as-leaf", lambda c: Caller((c.root.certificate,), c.root.key)),
    "may sign others": Fault("ca-as-leaf", lambda c: c.caller(put=(WEB_1, _signs(c)))),
    "weak key": Fault("weak-key", lambda c: c.caller(key=_weak_key())),
    "weak hash": Fault("weak-signature", lambda c: c.caller(hash=hashes.SHA224())),
    "for servers": Fault("wrong-purpose", lambda c: c.caller(put=(WEB_1, purposes(SERVER)))),
    "for no purpose": Fault("wrong-purpose", lambda c: c.caller(leave_out=[x509.ExtendedKeyUsage])),
    "for any purpose": Fault(
        "bad-extension",
        lambda c: c.caller(
            put=(WEB_1, purposes(CLIENT, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE))
        ),
    ),
    "critical purpose": Fault(
        "bad-extension", lambda c: c.caller(put=(WEB_1, purposes(CLIENT, critical=True)))
    ),
    "not for signatures": Fault(
        "wrong-purpose",
        lambda c: c.caller(put=(WEB_1, (mint.usage(key_agreement=True), True))),
    ),
    "outside the constraints": Fault(
        "name-constraints", _below("Confined", _constraints(permitted="other.test"))
    ),
    "below one for servers": Fault("wrong-purpose", _below("Servers", purposes(SERVER))),
    "below a leaf": Fault("not-an-authority", _below_a_leaf),
    "below one too many": Fault("path-too-long", _too_deep),
    "below an ended intermediate": Fault("expired", _below_ended_intermediate),
    "below an ended root": Fault("expired", lambda c: c.caller(above=c.ended)),
    "below a revoked intermediate": Fault("revoked", _below("Withdrawn")),
    "unknown critical extension": Fault(
        "unhandled-extension",
        lambda c: c.caller(
            put=(
                WEB_1,
                (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),
            )
        ),
    ),
    "changed after signing": Fault("bad-signature", _changed),
    "nameless": Fault(
        "no-san",
        lambda c: c.caller(subject=x509.Name([]), leave_out=[x509.SubjectAlternativeName]),
    ),
    "empty alternatives": Fault("no-san", lambda c: c.caller(put=(alternatives(),))),
    "critical alternatives": Fault(
        "bad-extension",
        lambda c: c.caller(put=(alternatives("web-1.nodes.test", critical=True),)),
    ),
    "without its issuer's key": Fault(
        "bad-extension", lambda c: c.caller(leave_out=[x509.AuthorityKeyIdentifier])
    ),
    "with constraints of its own": Fault(
        "bad-extension", lambda c: c.caller(put=(WEB_1, _constraints(permitted="nodes.test")))
    ),
    "nothing": Fault("no-certificate", lambda c: Caller((), key_of(KeyKind.EC_P256, 1))),
}
