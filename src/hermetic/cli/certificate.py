"""`hermetic certificate`: which certificates there are, and a new one now."""

import importlib

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching
from hermetic.config.home import read_record
from hermetic.errors import NotFound
from hermetic.wire.messages import CertificateListing


@click.group()
def certificate() -> None:
    """List, show and renew certificates."""


@certificate.command("list")
@reaching
@json_option
def list_certificates(reach: Reach, *, as_json: bool) -> None:
    """List the certificates of the node."""
    found = _found(reach)
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    rows = [
        (one.entry, ", ".join(one.names) or "-", one.not_after, one.next_renewal or "-")
        for one in found
    ]
    titles = ("entry", "names", "expires", "renewed at")
    output.show_table(titles, rows, empty="There is no certificate in this home.")


@certificate.command()
@click.argument("entry", default="api")
@reaching
@json_option
def show(entry: str, reach: Reach, *, as_json: bool) -> None:
    """Show one certificate, `api` unless another ENTRY is named.

    Where no node runs, the home's own store is read.
    """
    found = {one.entry: one for one in _found(reach)}
    if entry not in found:
        known = ", ".join(found) or "none at all"
        raise NotFound(f"There is no certificate {entry!r}, but {known}.")
    _show(found[entry], as_json=as_json)


@certificate.command()
@click.argument("entry", default="api")
@reaching
@json_option
def renew(entry: str, reach: Reach, *, as_json: bool) -> None:
    """Renew a certificate now, and wait until the new one is served."""
    with connected(reach) as client:
        renewed = client.renew(entry)
    if not as_json:
        output.note(f"Renewed {entry}; the new certificate is served.")
    _show(renewed, as_json=as_json)


def _found(reach: Reach) -> list[CertificateListing]:
    home = reach.home
    idle = reach.url is None and read_record(home.running) is None
    if idle and home.certificates.is_dir():
        # Reading the store takes the libraries of a node, which a mere client does not have.
        stored = importlib.import_module("hermetic.cli.stored")
        listings: list[CertificateListing] = stored.listings(home)
        return listings
    with connected(reach) as client:
        return client.certificates()


def _show(one: CertificateListing, *, as_json: bool) -> None:
    if as_json:
        output.show_json(msgspec.to_builtins(one))
        return
    output.show_pairs(
        [
            ("entry", one.entry),
            ("subject", one.subject),
            ("issuer", one.issuer),
            ("names", ", ".join(one.names) or "-"),
            ("serial", one.serial),
            ("SHA-256", one.sha256),
            ("valid from", one.not_before),
            ("expires", one.not_after),
            ("renewed at", one.next_renewal or "-"),
        ]
    )
