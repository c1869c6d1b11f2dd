"""ML Server's certificate stores, in a home instead of Windows' registry.

::

    LocalMachine/My/credentials/<SHA-256 of the leaf>/current/tls.key, tls.crt
    LocalMachine/Root/certificates/<SHA-256>/current/certificate.pem
    LocalMachine/CertificateAuthority/lists/<SHA-256 of whose it is>/current/list.crl
    CurrentUser/…

A credential may lie in any store (on Linux, ML Server took them from `Root` at `CurrentUser`);
it is believed there no more than in `My`.  Believed are the certificates *without* a key in
`Root`.  Who is let in because of them is for others to judge: here things are only kept.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from hermetic.certificates import selection
from hermetic.certificates.chain import extended, without_root
from hermetic.certificates.credential import Credential
from hermetic.certificates.extensions import extension
from hermetic.certificates.refusal import refusal, told
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import (
    Candidate,
    Choice,
    StoreLocation,
    StoreName,
    normalised_thumbprint,
    thumbprints,
)
from hermetic.certstore.disk import SYSTEM_DISK, Disk, UnchangedDisk, refusals_about
from hermetic.certstore.entries import PATIENCE, Entries, Form
from hermetic.certstore.forms import CERTIFICATE, LIST, PAIR
from hermetic.certstore.permissions import secure
from hermetic.certstore.versions import make_folders
from hermetic.certstore.waiting import WaitingKeys
from hermetic.errors import BadInput, CertificateRejected, HermeticError, NotFound
from hermetic.log import logger

T = TypeVar("T")
Place = tuple[StoreLocation, StoreName]
"""A store: where it is, and its name."""
PLACES: tuple[Place, ...] = tuple(product(StoreLocation, StoreName))
"""All stores there are."""

_AnyEntries = (
    Entries[Credential] | Entries[x509.Certificate] | Entries[x509.CertificateRevocationList]
)

log = logger(__name__)


class Stores:
    """All certificate stores below one folder, for its owner only.

    All methods block and may wait for the disk.  They may be used by several threads and
    processes at once.  What is damaged is set aside with an event that names it, and an earlier
    version of it is read; where there is none, it is left out.
    """

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk = SYSTEM_DISK,
        patience: timedelta = PATIENCE,
        mending: bool = True,
    ) -> None:
        """Open the stores in the folder *root*, made if missing, and closed to others if open.

        Args:
            mending: False for who only looks: then nothing is made, closed or set aside.

        Raises:
            BadConfiguration: This user may not use what is there; the text says what to run.
            StorageFull: There is no room for the folder.
        """
        self._root = root
        disk = disk if mending else UnchangedDisk()
        if mending:
            with refusals_about(root):
                make_folders(root, disk)
            self.secure()

        def entries(place: Place, kind: str, form: Form[T]) -> Entries[T]:
            return Entries(self.folder(*place) / kind, form, disk, patience=patience)

        self._credentials = {one: entries(one, "credentials", PAIR) for one in PLACES}
        self._certificates = {one: entries(one, "certificates", CERTIFICATE) for one in PLACES}
        self._lists = {
            one: entries((one, StoreName.CERTIFICATE_AUTHORITY), "lists", LIST)
            for one in StoreLocation
        }
        self.waiting = WaitingKeys(root / "requests", disk=disk)
        """The keys whose certificates were requested, and have not come yet."""
        if mending:
            for place in PLACES:
                for one in self._kinds(place):
                    one.sweep()

    def secure(self) -> None:
        """Close to others whatever is open to them; raises as at the opening."""
        secure(self._root)

    def credentials(self, location: StoreLocation, store: StoreName) -> tuple[Credential, ...]:
        """Return the credentials of that store, sorted by the fingerprints of their leaves."""
        return tuple(self._credentials[location, store].whole())

    def certificates(
        self, location: StoreLocation, store: StoreName
    ) -> tuple[x509.Certificate, ...]:
        """Return the certificates without a key of that store, sorted by their fingerprints."""
        return tuple(self._certificates[location, store].whole())

    def roots(self) -> tuple[x509.Certificate, ...]:
        """Return whom to believe: what is self-issued, and without a key, in `Root`."""
        return tuple(one for one in self._everywhere(StoreName.ROOT) if _is_self_issued(one))

    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """Return the authorities that may help to reach a root, none of them believed by itself."""
        others = [one for one in self._everywhere(StoreName.ROOT) if not _is_self_issued(one)]
        found = (*self._everywhere(StoreName.CERTIFICATE_AUTHORITY), *others)
        return tuple(dict.fromkeys(found))

    def revocation_lists(
        self, location: StoreLocation | None = None
    ) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the lists of what authorities took back, of *location* or of all."""
        locations = StoreLocation if location is None else (location,)
        found = [one for place in locations for one in self._lists[place].whole()]
        return tuple({thumbprints(one): one for one in found}.values())

    def lost(self) -> tuple[Path, ...]:
        """Return the folders of certificates without a key, and of lists, that are left out.

        Each held one, and is damaged with all its versions.
        """
        kinds = [kind for place in PLACES for kind in self._kinds(place)[1:]]
        return tuple(
            entries.folder(name)
            for entries in kinds
            for name in sorted({*entries.all_names()} - {*entries.whole_names()})
        )

    def choose(self, choice: Choice, *, role: Role, at: datetime) -> Credential:
        """Return the credential that *choice* means, its chain completed out of these stores.

        The root is left to the other side.  Raises as `selection.choose`.
        """
        place = choice.location, choice.store
        candidates: list[Candidate] = [*self.credentials(*place), *self.certificates(*place)]
        try:
            found = selection.choose(candidates, choice, role=role, at=at)
        except CertificateRejected as error:
            raise self._with_other_places(error, choice) from error
        chain = extended(found.chain, (*self.intermediates(), *self.roots()))
        return Credential(without_root(chain), found.key)

    def add(self, location: StoreLocation, store: StoreName, credential: Credential) -> bool:
        """Keep *credential* in that store; return whether that changed anything.

        It is durable when this returns.  However it fails, nothing was changed.
        """
        place = location, store
        entries = self._credentials[place]
        return self._put(place, entries, credential.chain.sha256, credential)

    def add_certificates(
        self, location: StoreLocation, store: StoreName, certificates: Iterable[x509.Certificate]
    ) -> tuple[x509.Certificate, ...]:
        """Keep *certificates*, each by itself, in that store; return those that are new there.

        Raises `BadInput` for `My`, which is for credentials.
        """
        if store is StoreName.MY:
            raise BadInput(
                "The store My is for certificates with their key: authorities that are trusted"
                " belong in Root, others in CertificateAuthority."
            )
        place = location, store
        entries = self._certificates[place]
        added = [
            one
            for one in dict.fromkeys(certificates)
            if self._put(place, entries, thumbprints(one)[1], one)
        ]
        return tuple(added)

    def add_revocation_list(
        self, location: StoreLocation, found: x509.CertificateRevocationList
    ) -> bool:
        """Keep a list in place of an older one of that issuer, key and scope; as `add`.

        Who signed it is not asked here.  Raises `CertificateRejected` (`older-list`) if the one
        that is kept is newer.
        """
        entries, entry = self._lists[location], _whose(found)
        with entries.exclusive(entry):
            with suppress(NotFound):
                kept = entries.read(entry)
                if kept.last_update_utc > found.last_update_utc:
                    raise refusal(
                        found,
                        "older-list",
                        f"is of {told(found.last_update_utc)}, and one of"
                        f" {told(kept.last_update_utc)} is kept: fetch the current one.",
                    )
            return self._put((location, StoreName.CERTIFICATE_AUTHORITY), entries, entry, found)

    def remove(self, location: StoreLocation, store: StoreName, thumbprint: str) -> None:
        """Remove what has that thumbprint, SHA-1 or SHA-256, from that store, with its key.

        Raises:
            BadInput: It is not a thumbprint.
            NotFound: Nothing there has it.
        """
        place, wanted = (location, store), normalised_thumbprint(thumbprint)
        removed = [_removed(entries, wanted) for entries in self._kinds(place)]
        if not any(removed):
            raise NotFound(
                f"Nothing in {store.value} at {location.value} has the thumbprint {wanted}:"
                " `hermetic certificate list --stores` shows what is there."
            )
        self._tell(place)
        log.info("certificate.removed", store=store, location=location, thumbprint=wanted)

    def untrust(self, thumbprint: str) -> tuple[Place, ...]:
        """Remove the certificate without a key, or the list, that has it, from every store.

        Returns where it was; credentials stay.  Raises as `remove`.
        """
        wanted, found = normalised_thumbprint(thumbprint), []
        for place in PLACES:
            removed = [_removed(kind, wanted) for kind in self._kinds(place)[1:]]
            if any(removed):
                found.append(place)
                self._tell(place)
                location, store = place
                log.info("certificate.removed", store=store, location=location, thumbprint=wanted)
        if not found:
            raise NotFound(
                f"No authority and no revocation list in these stores has the thumbprint {wanted}:"
                " `hermetic certificate list --stores` shows what is there."
            )
        return tuple(found)

    def folder(self, location: StoreLocation | None = None, store: StoreName | None = None) -> Path:
        """Return the folder in which something changes whenever something in it does.

        Without a *location* that of all stores, which is always there; others are made when
        something is kept in them.
        """
        parts = [part.value for part in (location, store) if part is not None]
        return self._root.joinpath(*parts)

    def digest(self) -> str:
        """Return a word that changes whenever anything in any store does.

        It costs one small file to read for each thing that is kept, and never fails.
        """
        digest = hashlib.sha256()
        for place in PLACES:
            for kind, entries in enumerate(self._kinds(place)):
                try:
                    words = entries.sums()
                except HermeticError as error:
                    words = {"": error.text.encode()}
                for name, word in words.items():
                    digest.update(f"{place}/{kind}/{name}:".encode() + word)
        return digest.hexdigest()

    def _kinds(self, place: Place) -> list[_AnyEntries]:
        """Return what a store is made of: the entries of each kind."""
        kinds: list[_AnyEntries] = [self._credentials[place], self._certificates[place]]
        location, store = place
        return (
            [*kinds, self._lists[location]] if store is StoreName.CERTIFICATE_AUTHORITY else kinds
        )

    def _everywhere(self, store: StoreName) -> tuple[x509.Certificate, ...]:
        found = [one for place in StoreLocation for one in self.certificates(place, store)]
        return tuple(dict.fromkeys(found))

    def _put(self, place: Place, entries: Entries[T], entry: str, value: T) -> bool:
        if entries.holds(entry, value):
            return False
        entries.write(entry, value)
        self._tell(place)
        location, store = place
        log.info("certificate.kept", store=store, location=location, entry=entry)
        return True

    def _tell(self, place: Place) -> None:
        """Wake whoever watches a folder above what was changed, which nobody watches itself."""
        with suppress(OSError):  # then they find it when they look by themselves
            for parts in (place, place[:1], ()):
                os.utime(self.folder(*parts))

    def _with_other_places(self, error: CertificateRejected, choice: Choice) -> CertificateRejected:
        """Return *error*, and where else something is kept that is meant, if nothing is here."""
        if error.code != "no-match":
            return error
        found = [
            f"StoreName {store.value} and StoreLocation {location.value}"
            for location, store in PLACES
            if any(choice.means(one.chain.leaf) for one in self.credentials(location, store))
        ]
        if not found:
            return error
        return CertificateRejected(
            error.code, f"{error.text} There is one at {' and '.join(found)}."
        )


def _removed(entries: _AnyEntries, wanted: str) -> bool:
    """Remove the entries that *wanted* is a thumbprint of; return whether there were any."""
    # one that is damaged can still be named by its SHA-256, which is the name of its folder
    names = [name for name in entries.all_names() if name == wanted or _has(entries, name, wanted)]
    for name in names:
        entries.remove(name)
    return bool(names)


def _has(entries: _AnyEntries, name: str, wanted: str) -> bool:
    try:
        found = entries.read(name)
    except NotFound:
        return False
    return wanted in thumbprints(found.chain.leaf if isinstance(found, Credential) else found)


def _whose(found: x509.CertificateRevocationList) -> str:
    """Return a word for whose list it is: of which issuer, key and part of its certificates."""
    signer = extension(found, x509.AuthorityKeyIdentifier)
    scope = extension(found, x509.IssuingDistributionPoint)
    parts = (
        found.issuer.public_bytes(),
        (signer.value.key_identifier or b"") if signer is not None else b"",
        scope.value.public_bytes() if scope is not None else b"",
    )
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer
