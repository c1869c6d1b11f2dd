"""`hermetic certificate issue`: our own authority certifies another machine, or an ACME server us.

The key is made here, and leaves at most in the file that is asked for, which is its owner's alone.
"""

from dataclasses import dataclass
from pathlib import Path

import click

from hermetic.certificates.chain import Chain
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import SIGNING, Role
from hermetic.cli import output
from hermetic.cli.acme import AcmeWish, Order, acme_options, obtained
from hermetic.cli.certifying import for_signing, issued
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.exporting import make_file
from hermetic.config.home import Home
from hermetic.errors import BadInput

_LONGEST_DAYS = 397
"""What clients on other systems take at most (CA/B baseline requirements, until March 2026)."""


@dataclass(frozen=True)
class Wish:
    """What is to be issued."""

    role: str | None
    names: tuple[str, ...]
    days: int
    out: Path | None


@click.command()
@click.option(
    "--role",
    type=click.Choice([*(one.value for one in Role), SIGNING]),
    help="What it is for: a web node's API, a compute node, what web nodes show to those, or"
    " signing the tokens of several web nodes.  [default with --acme: api]",
)
@click.option("--name", "names", multiple=True, help="A host name or address.")
@click.option(
    "--days",
    type=click.IntRange(1, _LONGEST_DAYS),
    default=90,
    show_default=True,
    help="How long it is good for; an ACME server decides that itself.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to make.")
@acme_options
@home_option
@json_option
@gathered(AcmeWish, "asked")
@gathered(Wish, "wish")
def issue(wish: Wish, asked: AcmeWish, home: Home, *, as_json: bool) -> None:
    """Let an ACME server certify this node, or the authority of this home another machine.

    With --acme and without --out the certificate is kept for the node of this home, and the
    settings say from then on how it is renewed, which the node does by itself.

    Without --acme the file holds the key, the certificate and its intermediate, in PEM, for `hermetic
    certificate import` over there; whoever is to believe it trusts ca.pem of this home.  Nothing
    renews it by itself: issue the next one before it ends.
    """
    if wish.out is not None and wish.out.exists():
        raise BadInput(f"{wish.out} exists: remove it, or name another with --out.")
    if asked.acme is not None:
        _show(_by_acme(wish, asked, home), wish, None, as_json=as_json)
        return
    if wish.role is None or wish.out is None:
        raise BadInput("Say --role and --out, or the address of an ACME server with --acme.")
    if bool(wish.names) == (wish.role == SIGNING):
        raise BadInput(
            "Token signing takes no names: leave --name out."
            if wish.names
            else "A certificate needs at least one name or address: say --name."
        )
    if wish.role == SIGNING:
        found = for_signing(wish.days)
    else:
        found = issued(home, wish.names, Role(wish.role), wish.days)
    make_file(wish.out, found.key_pem + found.chain_pem, 0o600)
    _show(found.chain, wish, None if wish.role == SIGNING else home.ca, as_json=as_json)


def _by_acme(wish: Wish, asked: AcmeWish, home: Home) -> Chain:
    if wish.out is not None and not wish.out.parent.is_dir():
        raise BadInput(
            f"There is no folder {wish.out.parent}: make it, or name another with --out."
        )
    if wish.role == SIGNING:
        raise BadInput("Token signing is no matter of an ACME server: leave --acme out.")
    order = Order(asked.section(), wish.names, Role(wish.role or Role.API), wish.out, home)
    found = obtained(order)
    if wish.out is not None:
        make_file(wish.out, found.key_pem + found.chain_pem, 0o600)
    return found.chain


def _show(chain: Chain, wish: Wish, ca: Path | None, *, as_json: bool) -> None:
    subject = str(DistinguishedName.of(chain.leaf.subject))
    if as_json:
        output.show_json(
            {
                "file": str(wish.out) if wish.out else None,
                "role": wish.role or Role.API.value,
                "names": list(chain.names),
                "subject": subject,
                "issuer": str(DistinguishedName.of(chain.leaf.issuer)),
                "notAfter": f"{chain.not_after:%Y-%m-%dT%H:%M:%SZ}",
                "ca": str(ca) if ca else None,
            }
        )
        return
    private = f"{wish.out} (with its key: keep it private, remove it once it is imported)"
    output.show_pairs(
        [
            ("file", private) if wish.out else ("kept", "in the home; the node renews it itself"),
            ("names", ", ".join(chain.names) or "-"),
            ("subject", subject or "-"),
            ("issuer", str(DistinguishedName.of(chain.leaf.issuer))),
            ("expires", f"{chain.not_after:%Y-%m-%d %H:%M} UTC"),
            *([("believed by", f"who trusts {ca}")] if ca else []),
        ]
    )
