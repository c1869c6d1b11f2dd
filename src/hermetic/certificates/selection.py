"""Which certificate is meant: by store, subject and thumbprint, as `appsettings.json` says it.

The words are ML Server's and Windows': a `StoreName` at a `StoreLocation`, a subject as a
distinguished name, a thumbprint.  Pure: what there is to choose from comes in as an argument.

A subject of more than a common name means the whole subject of a certificate.  `CN=host`, as in
every article, means each certificate whose one common name is `host`, whatever else its subject
says; so a renewal by another authority is still found.  Whether a certificate is meant depends
on it alone, never on what lies beside it.

A thumbprint of SHA-1 is what Windows shows, and is used to select and for nothing else: nobody
is trusted for it, since certificates with equal ones can be made.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from hermetic.certificates import roles
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import encode_public
from hermetic.certificates.names import DistinguishedName, names_of
from hermetic.certificates.profile import check_time
from hermetic.certificates.refusal import shown
from hermetic.certificates.roles import Role, purposes_of
from hermetic.errors import BadInput, CertificateRejected

Candidate = Credential | x509.Certificate
"""What there is to choose from: a credential, or a certificate whose key is not at hand."""

_THUMBPRINT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_MOST_SHOWN = 10
_Word = TypeVar("_Word", bound=StrEnum)


class StoreName(StrEnum):
    """The stores that have a name."""

    MY = "My"
    """Personal: credentials."""
    ROOT = "Root"
    """Authorities that are trusted."""
    CERTIFICATE_AUTHORITY = "CertificateAuthority"
    """Intermediates, and what authorities have taken back."""

    @classmethod
    def parse(cls, text: str) -> "StoreName":
        """Return the store of that name, in any case, or raise `BadInput` saying which there are.

        `CA` is what Windows' own tools call `CertificateAuthority`.
        """
        return _parsed(cls, "store", "CertificateAuthority" if text.upper() == "CA" else text)


class StoreLocation(StrEnum):
    """Where stores are."""

    LOCAL_MACHINE = "LocalMachine"
    CURRENT_USER = "CurrentUser"

    @classmethod
    def parse(cls, text: str) -> "StoreLocation":
        """Return the location, in any case, or raise `BadInput` saying which there are."""
        return _parsed(cls, "store location", text)


@dataclass(frozen=True)
class Choice:
    """What the settings name: a subject, a thumbprint (as `normalised_thumbprint`), or both."""

    location: StoreLocation = StoreLocation.LOCAL_MACHINE
    store: StoreName = StoreName.MY
    subject: DistinguishedName | None = None
    thumbprint: str | None = None

    @classmethod
    def parse(
        cls, *, location: str, store: str, subject: str = "", thumbprint: str = ""
    ) -> "Choice":
        """Return the choice that settings write, or raise `BadInput` about the part that is wrong.

        An empty subject, or an empty thumbprint, is none.
        """
        return cls(
            StoreLocation.parse(location),
            StoreName.parse(store),
            DistinguishedName.parse(subject.strip()) if subject.strip() else None,
            normalised_thumbprint(thumbprint) if _visible(thumbprint) else None,
        )

    def means(self, certificate: x509.Certificate) -> bool:
        """Whether *certificate* has the subject and the thumbprint that are named."""
        if self.thumbprint is not None and self.thumbprint not in thumbprints(certificate):
            return False
        return self.subject is None or _has_subject(certificate, self.subject)

    def __str__(self) -> str:
        named = [f"the subject {shown(self.subject)}"] if self.subject is not None else []
        if self.thumbprint is not None:
            named.append(f"the thumbprint {self.thumbprint}")
        return " and ".join(named)


def normalised_thumbprint(text: str) -> str:
    """Return a thumbprint as 40 (SHA-1) or 64 (SHA-256) hexadecimal digits in lower case.

    Blanks, colons, any case, and the invisible characters that come along when one is copied
    out of a window of Windows (U+200E) are taken; anything else is `BadInput`.
    """
    bare = _visible(text).replace(":", "").lower()
    if not _THUMBPRINT.match(bare):
        raise BadInput(
            f"{text[:100]!r} is not a thumbprint: write the 40 hexadecimal digits of SHA-1, as"
            " Windows shows them, or the 64 of SHA-256; blanks and colons do no harm."
        )
    return bare


def thumbprints(signed: x509.Certificate | x509.CertificateRevocationList) -> tuple[str, str]:
    """Return the SHA-1 and the SHA-256 of the DER, in lower-case hexadecimal."""
    weak = hashes.SHA1()  # noqa: S303 - to select by, as Windows does; never to trust
    return signed.fingerprint(weak).hex(), signed.fingerprint(hashes.SHA256()).hex()


def choose(
    candidates: Iterable[Candidate], choice: Choice, *, role: Role, at: datetime
) -> Credential:
    """Return the credential that *choice* means.

    Of several, those for the *role* are taken, of these the ones valid at *at*, and of these the
    newest; so a renewed certificate may lie beside the one it replaces.

    Raises:
        CertificateRejected: `nothing-named`, `no-match`, `no-key`, `wrong-purpose`, `no-san`,
            `expired`, `not-yet-valid`; `ambiguous` if several with different keys are equally
            new.
    """
    candidates = tuple(candidates)
    if choice.subject is None and choice.thumbprint is None:
        raise CertificateRejected(
            "nothing-named",
            f"Neither SubjectName nor Thumbprint says which certificate in {_place(choice)} is"
            f" meant ({_inventory(candidates)}): write one of them.",
        )
    meant = [one for one in candidates if choice.means(_certificate(one))]
    if not meant:
        raise _no_match(candidates, choice)
    credentials = [one for one in meant if isinstance(one, Credential)]
    if not credentials:
        raise CertificateRejected(
            "no-key",
            f"The certificate with {choice} in {_place(choice)} has no private key there: import"
            f" it together with its key, `{_importing(choice)} CERTIFICATE KEY`.",
        )
    fit = _those_that_pass(credentials, lambda one: roles.check(one.chain, role))
    moment = at.astimezone(UTC).replace(microsecond=0)
    valid = _those_that_pass(fit, lambda one: check_time(one.chain.leaf, moment))
    return _newest(valid, choice)


def _those_that_pass(
    credentials: Sequence[Credential], check: Callable[[Credential], None]
) -> list[Credential]:
    """Return the credentials that pass *check*; if none does, raise what the newest fails with."""
    passed: list[Credential] = []
    refusals: list[tuple[tuple[datetime, datetime], CertificateRejected]] = []
    for one in credentials:
        try:
            check(one)
            passed.append(one)
        except CertificateRejected as error:
            refusals.append((_age(one), error))
    if not passed:
        raise max(refusals, key=lambda refusal: refusal[0])[1]
    return passed


def _newest(credentials: Sequence[Credential], choice: Choice) -> Credential:
    youngest = max(map(_age, credentials))
    rivals = [one for one in credentials if _age(one) == youngest]
    keys = {encode_public(one.key.public_key()) for one in rivals}
    if len(keys) > 1:
        raise CertificateRejected(
            "ambiguous",
            f"{len(rivals)} certificates in {_place(choice)} have {choice}, and none is newer"
            f" than the others ({_listed(rivals)}): set Thumbprint to that of the right one.",
        )
    return min(rivals, key=lambda one: one.chain.sha256)


def _age(one: Credential) -> tuple[datetime, datetime]:
    return one.chain.not_before, one.chain.not_after


def _has_subject(certificate: x509.Certificate, wanted: DistinguishedName) -> bool:
    subject = DistinguishedName.of(certificate.subject)
    if subject.is_same_as(wanted):
        return True
    if not _is_common_name(wanted):
        return False
    common_names = [
        DistinguishedName((frozenset([attribute]),))
        for relative in subject.relative_names
        for attribute in relative
        if attribute.oid == NameOID.COMMON_NAME.dotted_string
    ]
    return len(common_names) == 1 and common_names[0].is_same_as(wanted)


def _is_common_name(name: DistinguishedName) -> bool:
    attributes = [one for relative in name.relative_names for one in relative]
    return [one.oid for one in attributes] == [NameOID.COMMON_NAME.dotted_string]


def _no_match(candidates: Sequence[Candidate], choice: Choice) -> CertificateRejected:
    return CertificateRejected(
        "no-match",
        f"No certificate in {_place(choice)} has {choice} ({_inventory(candidates)}): correct"
        f" SubjectName and Thumbprint, or import the right one, `{_importing(choice)} FILE`.",
    )


def _inventory(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return "there is none at all"
    return f"there {'is' if len(candidates) == 1 else 'are'} {_listed(candidates)}"


def _listed(candidates: Sequence[Candidate]) -> str:
    told = [_described(one) for one in candidates[:_MOST_SHOWN]]
    more = len(candidates) - len(told)
    return "; ".join([*told, f"{more} more"] if more else told)


def _described(candidate: Candidate) -> str:
    certificate = _certificate(candidate)
    sha1, sha256 = thumbprints(certificate)
    return (
        f"{_called(certificate)}, SHA-1 {sha1}, SHA-256 {sha256}, valid from"
        f" {certificate.not_valid_before_utc:%Y-%m-%d} to"
        f" {certificate.not_valid_after_utc:%Y-%m-%d}, for"
        f" {' and '.join(purposes_of(certificate)) or 'any purpose'}"
        f"{'' if isinstance(candidate, Credential) else ', without a key'}"
    )


def _called(certificate: x509.Certificate) -> str:
    if list(certificate.subject):
        return shown(certificate.subject)
    return f"one without a subject for {', '.join(names_of(certificate)[:3]) or 'nobody'}"


def _place(choice: Choice) -> str:
    return f"{choice.store.value} at {choice.location.value}"


def _importing(choice: Choice) -> str:
    options = ""
    if choice.store is not StoreName.MY:
        options += f" --store-name {choice.store.value}"
    if choice.location is not StoreLocation.LOCAL_MACHINE:
        options += f" --store-location {choice.location.value}"
    return f"hermetic certificate import{options}"


def _certificate(candidate: Candidate) -> x509.Certificate:
    return candidate.chain.leaf if isinstance(candidate, Credential) else candidate


def _parsed(words: type[_Word], what: str, text: str) -> _Word:
    for word in words:
        if word.value.lower() == text.strip().lower():
            return word
    raise BadInput(
        f"{text[:100]!r} is not a {what}: write {' or '.join(word.value for word in words)}."
    )


def _visible(text: str) -> str:
    return "".join(
        one for one in text if not one.isspace() and unicodedata.category(one) not in {"Cf", "Cc"}
    )
