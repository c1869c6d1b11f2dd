"""`hermetic certificate issue`: our own authority certifies another machine.

The key is made here and leaves in the file that is asked for, which is its owner's alone.
"""

import asyncio
import socket
from dataclasses import dataclass
from datetime import timedelta
from logging import WARNING
from pathlib import Path

import click

from hermetic import log
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import SIGNING, Role
from hermetic.certificates.signing import request, self_signed
from hermetic.certstore.files import FileStore
from hermetic.cli import output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.exporting import make_file
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_file
from hermetic.errors import BadInput
from hermetic.issuers.authority import Authority

_LONGEST_DAYS = 397
"""What clients on other systems take at most (CA/B baseline requirements, until March 2026)."""


@dataclass(frozen=True)
class Wish:
    """What is to be issued."""

    role: str
    names: tuple[str, ...]
    days: int
    out: Path


@click.command()
@click.option(
    "--role",
    type=click.Choice([*(one.value for one in Role), SIGNING]),
    required=True,
    help="What it is for: a web node's API, a compute node, what web nodes show to those, or"
    " signing the tokens of several web nodes.",
)
@click.option("--name", "names", multiple=True, help="A host name or address.")
@click.option(
    "--days",
    type=click.IntRange(1, _LONGEST_DAYS),
    default=90,
    show_default=True,
    help="How long it is good for.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to make.")
@home_option
@json_option
@gathered(Wish, "wish")
def issue(wish: Wish, home: Home, *, as_json: bool) -> None:
    """Let the authority of this home issue a certificate for another machine.

    The file holds the key, the certificate and its intermediate, in PEM, for `hermetic
    certificate import` over there; whoever is to believe it trusts ca.pem of this home.  Nothing
    renews it by itself: issue the next one before it ends.
    """
    if wish.out.exists():
        raise BadInput(f"{wish.out} exists: remove it, or name another with --out.")
    if bool(wish.names) == (wish.role == SIGNING):
        raise BadInput(
            "Token signing takes no names: leave --name out."
            if wish.names
            else "A certificate needs at least one name or address: say --name."
        )
    found = for_signing(wish) if wish.role == SIGNING else issued(wish, home)
    make_file(wish.out, found.key_pem + found.chain_pem, 0o600)
    chain = found.chain
    subject = str(DistinguishedName.of(chain.leaf.subject))
    if as_json:
        output.show_json(
            {
                "file": str(wish.out),
                "role": wish.role,
                "names": list(chain.names),
                "subject": subject,
                "issuer": str(DistinguishedName.of(chain.leaf.issuer)),
                "notAfter": f"{chain.not_after:%Y-%m-%dT%H:%M:%SZ}",
                "ca": None if wish.role == SIGNING else str(home.ca),
            }
        )
        return
    output.show_pairs(
        [
            ("file", f"{wish.out} (with its key: keep it private, remove it once it is imported)"),
            ("names", ", ".join(chain.names) or "-"),
            ("subject", subject),
            ("expires", f"{chain.not_after:%Y-%m-%d %H:%M} UTC"),
            *([] if wish.role == SIGNING else [("believed by", f"who trusts {home.ca}")]),
        ]
    )


def issued(wish: Wish, home: Home) -> Credential:
    """Return what is wished for, certified by the authority of *home*, which is made if missing.

    Raises:
        CertificateRejected: A name cannot be certified (`bad-name`).
        BadConfiguration: The home is somebody else's, or its authority is lost or has expired.
    """
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        home.create()
        authority = Authority.open(
            FileStore(home.authority), system_clock, leaf_life=timedelta(days=wish.days)
        )
        write_file(home.ca, authority.root_pem)
        key = generate(KeyKind.EC_P256)
        role = Role(wish.role)
        return Credential(asyncio.run(authority.issue(request(key, names=wish.names), role)), key)


def for_signing(wish: Wish) -> Credential:
    """Return a new RSA key to sign tokens with, in a certificate that vouches for nothing else."""
    life = timedelta(days=wish.days)
    key = generate(KeyKind.RSA_2048)
    return self_signed(key, name="Hermetic token signing", now=system_clock(), life=life)
