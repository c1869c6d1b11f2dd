"""`hermetic node token`, `enrolled`, `expel`: who may have certificates of our authority."""

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching
from hermetic.wire.authority import EnrolmentListing, TokenResponse

_ROLES = {
    "compute": ["compute"],
    "web": ["api", "authentication"],
    "api": ["api"],
    "authentication": ["authentication"],
}


@click.command()
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="A DNS name or an address that may be certified. More than once.",
)
@click.option(
    "--role",
    type=click.Choice(list(_ROLES)),
    default="compute",
    show_default=True,
    help="What joins: a node, or with api any server and ACME client.",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, 43_200),
    default=60,
    show_default=True,
    help="How long the token may be used.",
)
@reaching
@json_option
def token(names: tuple[str, ...], role: str, minutes: int, reach: Reach, *, as_json: bool) -> None:
    """Give a token, by which a node or another ACME client comes to certificates for NAME.

    It serves once, and is shown once.  Whoever has it first gets certificates for these names from
    our authority, and renews them until `hermetic node expel`.
    """
    with connected(reach) as client:
        given = client.give_token(names, _ROLES[role], minutes)
    if as_json:
        output.show_json(msgspec.to_builtins(given))
        return
    _show(given, client.url, role)


@click.command()
@reaching
@json_option
def enrolled(reach: Reach, *, as_json: bool) -> None:
    """List tokens that were given, and who has joined by one."""
    with connected(reach) as client:
        found = client.enrolments()
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    titles = ("id", "state", "roles", "names", "by", "since", "last seen")
    output.show_table(titles, [_row(one) for one in found], empty="Nobody has joined.")


@click.command()
@click.argument("id_", metavar="ID")
@reaching
@json_option
def expel(id_: str, reach: Reach, *, as_json: bool) -> None:
    """Take back the token ID, or send away who has joined by it.

    Its certificates are revoked, and not renewed: nodes cut it off within a minute.
    """
    with connected(reach) as client:
        revoked = client.expel(id_)
    if as_json:
        output.show_json({"id": id_, "revoked": revoked})
    else:
        output.show(f"{id_} is sent away; {revoked} of its certificates were revoked.")


def _show(given: TokenResponse, url: str, role: str) -> None:
    output.show_pairs(
        [
            ("token", given.token),
            ("id", given.id),
            ("use before", given.redeem_until),
        ]
    )
    output.show("")
    if role in {"compute", "web"}:
        output.show("On the machine of the node (it asks for the token, which is shown only here):")
        output.show(f"  hermetic node join {url}")
        return
    output.show("With certbot, or any ACME client that takes an external account (EAB):")
    output.show(
        f"  --server {url}/acme/directory --eab-kid {given.id} --eab-hmac-key {given.mac_key}"
    )


def _row(one: EnrolmentListing) -> tuple[str, ...]:
    return (
        one.id,
        one.state,
        ", ".join(one.roles),
        ", ".join(one.names),
        one.created_by,
        one.joined_at or one.created_at,
        one.seen_at or "-",
    )
