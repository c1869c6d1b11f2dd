"""`hermetic certificate trust` and `untrust`: whom to believe, and what they have taken back."""

from pathlib import Path

import click

from hermetic.certificates.importing import Known, Trust, judge_trust
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.cli import inventory, output
from hermetic.cli.connection import home_option, json_option
from hermetic.cli.documents import FILE, asking, contents_of
from hermetic.cli.inventory import Found
from hermetic.cli.stores import existing, opened, store_location_option
from hermetic.clock import system_clock
from hermetic.config.home import Home


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@store_location_option
@home_option
@json_option
def trust(files: tuple[Path, ...], store_location: str, home: Home, *, as_json: bool) -> None:
    """Believe the authorities in FILES, and what their revocation lists say.

    A root goes to the store Root, an intermediate and a list to CertificateAuthority.  Compare
    the SHA-256 with what the authority itself publishes; a running node believes it at once.
    """
    contents = contents_of(files, asking(None))
    location = StoreLocation.parse(store_location)
    with opened(home) as stores:
        known = Known(stores.roots(), stores.intermediates())
        found = judge_trust(contents, known, at=system_clock())
        kept = _keep(found, stores, location)
    told = [inventory.described(one, system_clock()) for one in kept]
    if as_json:
        output.show_json({"kept": told, "warnings": list(found.warnings)})
        return
    for warning in found.warnings:
        output.warn(warning)
    for one in told:
        output.show(f"Kept in {one['storeName']} at {one['storeLocation']}:")
        inventory.show(one)


@click.command()
@click.argument("thumbprint")
@home_option
@json_option
def untrust(thumbprint: str, home: Home, *, as_json: bool) -> None:
    """Believe the authority or revocation list with THUMBPRINT no longer, wherever it is kept.

    THUMBPRINT is SHA-1 or SHA-256.  A running node stops believing it at once.
    """
    with existing(home) as stores:
        places = stores.untrust(thumbprint)
    if as_json:
        names = [{"storeName": store, "storeLocation": location} for location, store in places]
        output.show_json({"removedFrom": names})
        return
    for location, store in places:
        output.show(f"Removed from {store.value} at {location.value}.")


def _keep(found: Trust, stores: Stores, location: StoreLocation) -> list[Found]:
    authority = location, StoreName.CERTIFICATE_AUTHORITY
    root = location, StoreName.ROOT
    stores.add_certificates(*authority, found.intermediates)
    stores.add_certificates(*root, found.roots)
    for one in found.revocation_lists:
        stores.add_revocation_list(location, one)
    helping: tuple[inventory.Kept, ...] = (*found.intermediates, *found.revocation_lists)
    kept = [Found(one, root) for one in found.roots]
    return kept + [Found(one, authority) for one in helping]
