"""`hermetic certificate import`: bring a certificate that somebody else issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from hermetic.certificates.chain import Chain
from hermetic.certificates.importing import Import, Known, Wanted, judge, judge_signing
from hermetic.certificates.names import DistinguishedName, ServerName
from hermetic.certificates.refusal import shown
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import inventory, output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.documents import FILE, asking, contents_of
from hermetic.cli.stores import opened, store_location_option, store_name_option
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import CertificateRejected
from hermetic.tls.system import system_roots

SIGNING = "signing"
"""Beside the roles that peers are shown: what web nodes sign tokens with."""


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


@dataclass(frozen=True)
class Imported:
    """What was kept, whether that was new, and what settings name it by."""

    found: Import
    choice: Choice
    is_new: bool


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
        output.show_json(_in_json(made, asked))
    else:
        _show(made, asked)


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
        if asked.role == SIGNING:
            found = Import(judge_signing(contents), None)
        else:
            wanted = Wanted(Role(asked.role), names, for_development=asked.development)
            found = judge(contents, wanted, known_to(stores, wanted.role), at=at)
        for one in found.revocation_lists:
            stores.add_revocation_list(place[0], one)
        is_new = stores.add(*place, found.credential)
        stores.secure()
        return Imported(found, _choice_of(found, stores, (*place, asked.role), at), is_new)


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


def settings_for(choice: Choice, role: str, issuer: str) -> dict[str, Mapping[str, object]]:
    """Return what to write into appsettings.json, by the kind of node that it is for."""
    certificate = {
        "Enabled": True,
        "StoreName": choice.store.value,
        "StoreLocation": choice.location.value,
        "SubjectName": str(choice.subject or ""),
        "Thumbprint": choice.thumbprint or "",
    }
    if role == SIGNING:
        return {"web nodes": {"Authentication": {"JWTSigningCertificate": certificate}}}
    if role == Role.AUTHENTICATION:
        peer = {"Enabled": True, "Issuer": issuer, "Subject": str(choice.subject or "")}
        return {
            "web node": {"BackEndConfiguration": {"ClientCertificate": certificate}},
            "compute node": {"ClientCertificate": peer},
        }
    node = "web node" if role == Role.API else "compute node"
    return {node: {"Kestrel": {"HttpsEnabled": True, "HttpsCertificate": certificate}}}


def _settings(made: Imported, asked: Asked) -> dict[str, Mapping[str, object]]:
    issuer = str(DistinguishedName.of(made.found.credential.chain.leaf.issuer))
    return settings_for(made.choice, asked.role, issuer)


def _notes(made: Imported) -> list[str]:
    """Return what else came along, and what became of it."""
    notes = [
        f"The revocation list of {shown(one.issuer)} was kept in CertificateAuthority."
        for one in made.found.revocation_lists
    ]
    notes += [
        f"{shown(one.subject)} came along and was left out: it is not part of the chain."
        for one in made.found.left_out
    ]
    if made.choice.thumbprint is not None:
        notes.append(
            "Its subject alone does not say that this one is meant, so Thumbprint does; write the"
            " new one there after each renewal."
        )
    return notes


def _described(made: Imported) -> dict[str, object]:
    place = made.choice.location, made.choice.store
    return inventory.described(inventory.Found(made.found.credential, place), system_clock())


def _in_json(made: Imported, asked: Asked) -> dict[str, object]:
    root = made.found.root
    return {
        **_described(made),
        "new": made.is_new,
        "trustedRoot": root.subject.rfc4514_string() if root is not None else None,
        "settings": _settings(made, asked),
        "notes": _notes(made),
        "warnings": list(made.found.warnings),
    }


def _show(made: Imported, asked: Asked) -> None:
    for warning in made.found.warnings:
        output.warn(warning)
    for note in _notes(made):
        output.note(note)
    where = f"{made.choice.store.value} at {made.choice.location.value}"
    output.show(
        f"{'Imported into' if made.is_new else 'Nothing to do: it is already in'} {where}.\n"
    )
    inventory.show(_described(made))
    for node, written in _settings(made, asked).items():
        output.show(f"\nIn appsettings.json of the {node}:\n")
        output.show_document(written)
