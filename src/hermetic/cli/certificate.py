"""`hermetic certificate`: which certificates there are, and a new one now.

What works on the certificate stores is in modules of its own, loaded when it is named: it takes
the libraries of a node, which a mere client lacks.
"""

import importlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching, target
from hermetic.cli.deferring import deferring
from hermetic.client.api import Client
from hermetic.client.local import answers_in, local_client
from hermetic.config.home import Home, read_record
from hermetic.errors import NotFound
from hermetic.node.process import identity_of
from hermetic.wire.messages import CertificateListing

_MOST_NAMES = 4
_API, _COMPUTE = "api", "compute"
"""The entries of what a web node presents, and a compute node."""
_ON_STORES = {
    "issue": (
        "hermetic.cli.issuing:issue",
        "Let an ACME server certify this node, or our authority another.",
    ),
    "request": (
        "hermetic.cli.requesting:request",
        "Make a key, and the request that an authority certifies it by.",
    ),
    "account": (
        "hermetic.cli.acme_account:account",
        "Show the accounts at ACME servers, and change their keys.",
    ),
    "revoke": ("hermetic.cli.revoking:revoke", "Have its ACME server take a certificate back."),
    "check": ("hermetic.cli.checking:check", "Say what any server presents, and what is wrong."),
    "import": (
        "hermetic.cli.importing:import_",
        "Import a certificate that somebody else issued, and its key.",
    ),
    "export": ("hermetic.cli.exporting:export", "Write an imported certificate to a file."),
    "remove": ("hermetic.cli.exporting:remove", "Remove an imported certificate and its key."),
    "trust": ("hermetic.cli.trusting:trust", "Believe an authority, and its revocation lists."),
    "untrust": ("hermetic.cli.trusting:untrust", "Believe an authority no longer."),
}


@click.group(cls=deferring(_ON_STORES))
def certificate() -> None:
    """List, renew, import and trust certificates."""


@certificate.command("list")
@click.option("--stores", is_flag=True, help="Those in the certificate stores instead.")
@click.option("--store-name", help="Only those in that store: My, Root, CertificateAuthority.")
@click.option("--store-location", help="Only those in stores at LocalMachine, or at CurrentUser.")
@reaching
@json_option
def list_certificates(
    reach: Reach,
    *,
    stores: bool,
    store_name: str | None,
    store_location: str | None,
    as_json: bool,
) -> None:
    """List the certificates of the node, or those in the certificate stores of the home."""
    if stores or store_name is not None or store_location is not None:
        inventory = importlib.import_module("hermetic.cli.inventory")
        inventory.show_stores(reach.home, store_location, store_name, as_json=as_json)
        return
    found = _found(reach)
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    rows = [
        (
            one.entry,
            one.role,
            one.source,
            _few(one.names),
            _days_left(one.not_after),
            one.next_renewal or "-",
            one.last_error or "-",
        )
        for one in found
    ]
    titles = ("entry", "role", "source", "names", "days left", "renewed at", "last error")
    output.show_table(titles, rows, empty="There is no certificate in this home.")


@certificate.command()
@click.argument("entry", required=False)
@reaching
@json_option
def show(entry: str | None, reach: Reach, *, as_json: bool) -> None:
    """Show one certificate, what the node presents unless another ENTRY is named.

    Where no node runs, the home's own store is read.
    """
    found = {one.entry: one for one in _found(reach)}
    entry = entry or _presented(found)
    if entry not in found:
        known = ", ".join(found) or "none at all"
        raise NotFound(f"There is no certificate {entry!r}, but {known}.")
    _show(found[entry], as_json=as_json)


@certificate.command()
@click.argument("entry", required=False)
@reaching
@json_option
def renew(entry: str | None, reach: Reach, *, as_json: bool) -> None:
    """Renew a certificate now, what the node presents unless another ENTRY is named.

    It waits until the new one is served.
    """
    with _asking(reach) as client:
        entry = entry or _presented([one.entry for one in client.certificates()])
        renewed = client.renew(entry)
    if not as_json:
        output.note(f"Renewed {entry}; the new certificate is served.")
    _show(renewed, as_json=as_json)


def _presented(entries: Container[str]) -> str:
    return _COMPUTE if _COMPUTE in entries and _API not in entries else _API


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) or "-"
    return f"{shown}, …" if len(names) > _MOST_NAMES else shown


def _days_left(not_after: str | None) -> str:
    if not_after is None:
        return "none yet"
    left = datetime.fromisoformat(not_after) - datetime.now(UTC)
    return f"{left.total_seconds() / 86400:.1f}"


def _found(reach: Reach) -> list[CertificateListing]:
    home = reach.home
    idle = reach.url is None and not _runs(home)
    if idle and home.certificates.is_dir():
        # Reading the store takes the libraries of a node, which a mere client does not have.
        stored = importlib.import_module("hermetic.cli.stored")
        listings: list[CertificateListing] = stored.listings(home)
        return listings
    with _asking(reach) as client:
        return client.certificates()


def _runs(home: Home) -> bool:
    """Tell whether a node runs in *home*; one that was killed left its record."""
    record = read_record(home.running)
    if record is None:
        return False
    pid, process = record.get("pid"), record.get("process")
    return process is None or (isinstance(pid, int) and identity_of(pid) == process)


@contextmanager
def _asking(reach: Reach) -> Iterator[Client]:
    """Speak to the node that is meant; a compute node knows no names, but the owner of its home."""
    running = read_record(reach.home.running) or {}
    is_here = target(reach).url == str(running.get("url")).rstrip("/")
    if is_here and answers_in(reach.home.root):
        with local_client(reach.home.root) as client:
            yield client
        return
    with connected(reach) as client:
        yield client


def _show(one: CertificateListing, *, as_json: bool) -> None:
    if as_json:
        output.show_json(msgspec.to_builtins(one))
        return
    output.show_pairs(
        [
            ("entry", one.entry),
            ("role", one.role),
            ("source", one.source),
            ("subject", "-" if one.subject is None else one.subject),
            ("issuer", one.issuer or "-"),
            ("names", ", ".join(one.names) or "-"),
            ("serial", one.serial or "-"),
            ("SHA-256", one.sha256 or "-"),
            ("valid from", one.not_before or "-"),
            ("expires", one.not_after or "not issued yet"),
            ("renewed at", one.next_renewal or "-"),
            ("last error", one.last_error or "-"),
            ("under way", one.doing or "-"),
        ]
    )
