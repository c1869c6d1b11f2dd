"""What is in the certificate stores, as a person or a program reads it; never a key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certificates.names import DistinguishedName, names_of
from hermetic.certificates.roles import purposes_of
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import PLACES, Place, Stores
from hermetic.cli import output
from hermetic.cli.stores import existing
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import NotFound

Kept = Credential | x509.Certificate | x509.CertificateRevocationList
"""Whatever a store holds."""

_NONE = "There is nothing in these stores: `hermetic certificate import FILE` brings a certificate."
_TITLES = (
    ("store", "store"),
    ("subject", "subject"),
    ("issuer", "issuer"),
    ("names", "names"),
    ("purposes", "purpose"),
    ("hasKey", "has key"),
    ("revoked", "revoked"),
    ("sha1", "SHA-1"),
    ("sha256", "SHA-256"),
    ("notBefore", "valid from"),
    ("notAfter", "expires"),
    ("daysLeft", "days left"),
)


@dataclass(frozen=True)
class Found:
    """One thing in a store, and where that is."""

    kept: Kept
    place: Place


def everything(stores: Stores, places: Iterable[Place] = PLACES) -> list[Found]:
    """Return all that is kept in those stores."""
    found: list[Found] = []
    for location, store in places:
        kept: list[Kept] = [*stores.credentials(location, store)]
        kept += stores.certificates(location, store)
        if store is StoreName.CERTIFICATE_AUTHORITY:
            kept += stores.revocation_lists(location)
        found += [Found(one, (location, store)) for one in kept]
    return found


def described(found: Found, now: datetime) -> dict[str, object]:
    """Return what is told of one thing, as JSON has it."""
    location, store = found.place
    sha1, sha256 = thumbprints(signed(found.kept))
    return {
        "storeName": store.value,
        "storeLocation": location.value,
        **_told(found.kept, now),
        "sha1": sha1,
        "sha256": sha256,
    }


def signed(kept: Kept) -> x509.Certificate | x509.CertificateRevocationList:
    """Return what a thumbprint is of: the leaf, the certificate, the list."""
    return kept.chain.leaf if isinstance(kept, Credential) else kept


def show(found: dict[str, object]) -> None:
    """Print what was `described`, a line for each thing told."""
    told = {**found, "store": f"{found['storeName']} at {found['storeLocation']}"}
    if told.get("purposes") == []:
        told["purposes"] = "any"
    output.show_pairs((title, _text(told[key])) for key, title in _TITLES if key in told)


def show_stores(home: Home, location: str | None, store: str | None, *, as_json: bool) -> None:
    """Print what is in the stores of *home*, in all or in those that are named."""
    places = [
        place
        for place in PLACES
        if (location is None or place[0] is StoreLocation.parse(location))
        and (store is None or place[1] is StoreName.parse(store))
    ]
    now = system_clock()
    try:
        with existing(home) as stores:
            found = [described(one, now) for one in everything(stores, places)]
    except NotFound:
        found = []
    if as_json:
        output.show_json(found)
    elif not found:
        output.note(_NONE)
    for number, one in enumerate([] if as_json else found):
        if number:
            output.show("")
        show(one)


def _told(kept: Kept, now: datetime) -> dict[str, object]:
    if isinstance(kept, x509.CertificateRevocationList):
        until = kept.next_update_utc
        return {
            "kind": "revocation list",
            "issuer": _written(kept.issuer),
            "revoked": len(kept),
            "notBefore": _moment(kept.last_update_utc),
            "notAfter": _moment(until) if until is not None else None,
            "daysLeft": (until - now).days if until is not None else None,
        }
    certificate = kept.chain.leaf if isinstance(kept, Credential) else kept
    return {
        "kind": "credential" if isinstance(kept, Credential) else "certificate",
        "subject": _written(certificate.subject),
        "issuer": _written(certificate.issuer),
        "names": list(names_of(certificate)),
        "purposes": list(purposes_of(certificate)),
        "hasKey": isinstance(kept, Credential),
        "notBefore": _moment(certificate.not_valid_before_utc),
        "notAfter": _moment(certificate.not_valid_after_utc),
        "daysLeft": (certificate.not_valid_after_utc - now).days,
    }


def _written(name: x509.Name) -> str:
    return str(DistinguishedName.of(name))


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
