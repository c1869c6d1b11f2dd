"""`hermetic authority`: the web node's own authority, and the replacement of its root."""

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching
from hermetic.cli.deferring import deferring
from hermetic.wire.authority import AuthorityResponse

_ON_THIS_MACHINE = {
    "limit": ("hermetic.cli.limiting:limit", "Say what the authority may certify."),
    "offline": ("hermetic.cli.offline:offline", "Move the key of the root out of this home."),
    "online": ("hermetic.cli.offline:online", "Bring the key of the root back."),
}


@click.group(cls=deferring(_ON_THIS_MACHINE))
def authority() -> None:
    """Show the web node's own authority, and replace its root without a refused connection."""


@authority.command()
@reaching
@json_option
def show(reach: Reach, *, as_json: bool) -> None:
    """Show its roots, how long they live, and who does not trust the next one yet."""
    with connected(reach) as client:
        _show(client.authority(), as_json=as_json)


@authority.command()
@reaching
@json_option
def replace(reach: Reach, *, as_json: bool) -> None:
    """Make the next root.

    It signs once every node that has joined has said that it trusts it, which takes a minute or
    two; the present root vouches for it then, for clients that know only that.  Give them the new
    ca.pem, and `hermetic authority retire` the former root at last.
    """
    with connected(reach) as client:
        _show(client.replace_root(), as_json=as_json)


@authority.command()
@click.option("--force", is_flag=True, help="Also where it is still needed, as after a theft.")
@reaching
@json_option
def retire(reach: Reach, *, force: bool, as_json: bool) -> None:
    """Let nobody trust the former root any longer."""
    with connected(reach) as client:
        _show(client.retire_root(force=force), as_json=as_json)


def _show(found: AuthorityResponse, *, as_json: bool) -> None:
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    pairs = [
        ("state", found.state),
        ("root", f"{found.root} until {found.root_ends}"),
        ("its key", "here" if found.root_key_here else "kept elsewhere"),
        ("intermediate", f"until {found.intermediate_ends}"),
    ]
    if found.next_root is not None:
        pairs.append(("next root", found.next_root))
        pairs.append(("waiting for", "; ".join(found.waiting_for) or "nobody: it signs in seconds"))
    if found.previous_root is not None:
        pairs.append(("former root", found.previous_root))
    output.show_pairs(pairs)
