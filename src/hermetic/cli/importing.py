"""`hermetic certificate import`: bring a certificate that somebody else issued."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from hermetic.certificates.chain import Chain
from hermetic.certificates.importing import Import, Known, Wanted, judge, judge_signing
from hermetic.certificates.names import DistinguishedName, ServerName
from hermetic.certificates.roles import SIGNING, Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import imported, output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.documents import FILE, asking, contents_of
from hermetic.cli.imported import Imported
from hermetic.cli.stores import opened, store_location_option, store_name_option
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import CertificateRejected
from hermetic.tls.system import system_roots


@dataclass(frozen=True)
class Asked:
    """What is to be imported, where to, and what for, as it was typed."""

    files: tuple[Path, ...]
    key: Path | None = None
    passphrase_file: Path | None = None
    store_name: str = StoreName.MY
    store_location: str = StoreLocation.LOCAL_MACHINE
    role: str = Role.API
    names: tuple[str, ...] = ()
    service_account: str | None = None
    development: bool = False


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--key", type=FILE, help="A file with the private key, if it is none of FILES.")
@click.option(
    "--passphrase-file",
    type=FILE,
    help="A file with the passphrase in its first line; without it, the terminal is asked.",
)
@click.option(
    "--role",
    type=click.Choice([*(one.value for one in Role), SIGNING]),
    default=Role.API.value,
    show_default=True,
    help="What it is for.",
)
@click.option("--name", "names", multiple=True, help="A host name it must be for.")
@store_name_option
@store_location_option
@click.option(
    "--service-account", help="The account that the node runs as, if not that of the home."
)
@click.option("--development", is_flag=True, help="Take one that is self-signed.")
@home_option
@json_option
@gathered(Asked, "asked")
def import_(asked: Asked, home: Home, *, as_json: bool) -> None:
    """Import a certificate, its key and its intermediates from FILES in any format and order.

    PEM, DER, PKCS#7 and PKCS#12 (.pfx) are read.  The chain is put in order and completed, and
    what no client would take is refused with its reason.  No node needs to run; one that does
    presents a renewed certificate to the next connection.
    """
    made = take_in(asked, home, at=system_clock())
    if as_json:
        output.show_json(imported.in_json(made))
    else:
        imported.show(made)


def take_in(asked: Asked, home: Home, *, at: datetime) -> Imported:
    """Read, judge and keep what is asked for, wholly or not at all.

    Raises:
        CertificateRejected: Those of `documents.contents_of` and `importing.judge`.
        BadInput: A name is none, or there is no such account.
        BadConfiguration: The home is somebody else's, or others could read in it.
        StorageFull: There is no room; nothing was changed.
    """
    files = (*asked.files, *([asked.key] if asked.key else []))
    # before anything is done as another user, who may not be able to read them
    contents = contents_of(files, asking(asked.passphrase_file))
    names = tuple(ServerName.parse(name) for name in asked.names)
    place = StoreLocation.parse(asked.store_location), StoreName.parse(asked.store_name)
    with opened(home, asked.service_account) as stores:
        if not contents.keys:
            # what was requested from here has its key here
            contents = replace(contents, keys=stores.waiting.keys_for(contents.certificates))
        if asked.role == SIGNING:
            found = Import(judge_signing(contents), None)
        else:
            wanted = Wanted(Role(asked.role), names, for_development=asked.development)
            found = judge(contents, wanted, known_to(stores, wanted.role), at=at)
        for one in found.revocation_lists:
            stores.add_revocation_list(place[0], one)
        is_new = stores.add(*place, found.credential)
        stores.waiting.remove(found.credential.key)
        stores.secure()
        choice = _choice_of(found, stores, (*place, asked.role), at)
        return Imported(found, choice, asked.role, is_new)


def known_to(stores: Stores, role: Role) -> Known:
    """Return whom a peer of that *role* is believed by, as far as that can be told from here.

    Clients of the API are other programs, and so whoever this machine's believe counts; nodes
    believe only what is in the stores.
    """
    roots = stores.roots()
    if role is Role.API:
        roots = (*roots, *system_roots())
    return Known(roots, stores.intermediates(), stores.revocation_lists())


def _choice_of(
    found: Import, stores: Stores, place: tuple[StoreLocation, StoreName, str], at: datetime
) -> Choice:
    """Return how settings name it: by its subject alone, if that is enough."""
    location, store, role = place
    chain = found.credential.chain
    subject = DistinguishedName.of(chain.leaf.subject) if list(chain.leaf.subject) else None
    if subject is not None:
        by_subject = Choice(location, store, subject)
        if role == SIGNING:
            alike = [
                one
                for one in stores.credentials(location, store)
                if by_subject.means(one.chain.leaf)
            ]
            is_enough = len(alike) == 1
        else:
            is_enough = _is_chosen(chain, by_subject, stores, Role(role), at)
        if is_enough:
            return by_subject
    return Choice(location, store, subject, thumbprints(chain.leaf)[0])


def _is_chosen(chain: Chain, choice: Choice, stores: Stores, role: Role, at: datetime) -> bool:
    try:
        chosen = stores.choose(choice, role=role, at=max(at, chain.not_before))
    except CertificateRejected:
        return False
    return chosen.chain.leaf == chain.leaf
