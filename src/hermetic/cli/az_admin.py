"""`az ml admin compute-node-uri`, `password` and `credentials`."""

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hermetic.certificates.envelope import seal
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.selection import Choice
from hermetic.certstore.stores import PLACES, Stores
from hermetic.cli.az_uris import without
from hermetic.cli.azure import local, remote, secret
from hermetic.cli.connection import Reach, connected, target
from hermetic.cli.stores import existing
from hermetic.client.api import Client
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import NotFound

_ADMINISTRATOR = "admin"


@click.group("compute-node-uri")
def compute_node_uri() -> None:
    """Add, list and remove compute nodes."""


@compute_node_uri.command("add")
@click.option("--uri", required=True, help="One URI or range, or several with commas.")
@remote
def add(reach: Reach, uri: str) -> list[str]:
    """Add compute nodes."""
    with connected(reach) as client:
        client.add_nodes([uri])
        return client.compute_nodes()


@compute_node_uri.command("remove")
@click.option("--uri", required=True, help="As it was added.")
@remote
def remove(reach: Reach, uri: str) -> list[str]:
    """Remove compute nodes, from the settings file of the web node here too."""
    written = without(reach.home, uri, target(reach).url)
    with connected(reach) as client:
        client.remove_nodes([uri])
        if written is not None:
            written()
        return client.compute_nodes()


@compute_node_uri.command("list")
@remote
def list_(reach: Reach) -> list[str]:
    """List what was added."""
    with connected(reach) as client:
        return client.compute_nodes()


@click.group()
def password() -> None:
    """Change the administrator's password."""


@password.command("set")
@click.option("--old-password", help="The one until now; asked for without it.")
@click.option("--admin-password", "--new-password", help="The new one; asked for without it.")
@click.option("--confirm-password", help="The new one again.")
@remote
def set_(
    reach: Reach,
    old_password: str | None,
    admin_password: str | None,
    confirm_password: str | None,
) -> dict[str, object]:
    """Change the password of the account admin; all its logins end."""
    old: str = old_password or click.prompt("Old password", hide_input=True, err=True)
    new = secret(admin_password, "New password", confirmation=confirm_password)
    meant = target(reach)
    with Client(meant.url, ca=meant.ca, plain_http=meant.plain_http) as client:
        client.login(_ADMINISTRATOR, old)
        client.change_password(old, new)
    return {"account": _ADMINISTRATOR, "changed": True}


@click.group()
def credentials() -> None:
    """List certificates, and seal a secret with one."""


@credentials.command("list")
@local
def list_credentials(home: Home) -> list[str]:
    """List the certificates that have a private key, by a letter."""
    with existing(home) as stores:
        return [f"{_letter(number)}. {told}" for number, told in enumerate(_subjects(stores))]


@credentials.command("set")
@click.option("--cert-store-name", default="My", show_default=True, help="The store.")
@click.option("--cert-store-location", default="LocalMachine", show_default=True, help="Its place.")
@click.option("--cert-subject_name", "--cert", "subject", required=True, help="The subject.")
@click.option("--secret", "plain", help="What to seal; asked for without it.")
@local
def seal_secret(
    home: Home, cert_store_name: str, cert_store_location: str, subject: str, plain: str | None
) -> str:
    """Print a secret sealed with a certificate, for the settings file."""
    choice = Choice.parse(location=cert_store_location, store=cert_store_name, subject=subject)
    with existing(home) as stores:
        found = [
            one.chain.leaf
            for one in stores.credentials(choice.location, choice.store)
            if choice.means(one.chain.leaf)
        ]
    now = system_clock()
    good = [one for one in found if one.not_valid_before_utc <= now <= one.not_valid_after_utc]
    if not good:
        raise NotFound(
            f"No certificate in {choice.store} at {choice.location} has {choice}, a private key"
            " and a life that has begun and not ended: `hermetic az ml admin credentials list`"
            " shows which there are."
        )
    # Only an RSA key opens what is sealed; without any the sealing says so.
    fit = [one for one in good if isinstance(one.public_key(), RSAPublicKey)] or good
    newest = max(fit, key=lambda one: one.not_valid_before_utc)
    return seal(secret(plain, "Secret"), newest)


def _subjects(stores: Stores) -> list[str]:
    return [
        f"{DistinguishedName.of(one.chain.leaf.subject)} (private key)"
        for place in PLACES
        for one in stores.credentials(*place)
    ]


def _letter(number: int) -> str:
    """Return A to Z, then AA and on, as the original counted."""
    letters = ""
    while number >= 0:
        letters = chr(ord("A") + number % 26) + letters
        number = number // 26 - 1
    return letters
