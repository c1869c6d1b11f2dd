"""`hermetic authority limit`: what the authority of a home may certify."""

import socket
from logging import WARNING

import click

from hermetic import log
from hermetic.certificates.constraints import check_name_constraints
from hermetic.certificates.effort import Effort
from hermetic.certificates.limits import parse
from hermetic.certstore.files import FileStore
from hermetic.cli import output
from hermetic.cli.connection import home_option, json_option
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_file
from hermetic.errors import BadInput, HermeticError
from hermetic.issuers.authority import Authority
from hermetic.wiring.own import own_authority


@click.command()
@click.argument("limits", nargs=-1, metavar="DOMAIN|NETWORK…")
@click.option("--none", "unlimited", is_flag=True, help="Whatever is asked, as at the beginning.")
@home_option
@json_option
def limit(limits: tuple[str, ...], home: Home, *, unlimited: bool, as_json: bool) -> None:
    """Let the authority of this home certify names below DOMAIN… and addresses in NETWORK… alone.

    It says so in its intermediate (name constraints, RFC 5280), so whoever trusts the authority need
    not fear for other names.  Without a network addresses are not limited, without a domain names
    are not; what each machine calls itself is always permitted.
    """
    if bool(limits) == unlimited:
        raise BadInput("Name domains and networks such as example.com 10.0.0.0/8, or say --none.")
    wanted = parse(limits)
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        home.create()
        before = _written(home, wanted)
        try:
            authority = own_authority(home, system_clock)
            _refuse_own(home, authority)
        except HermeticError:
            _restore(home, before)
            raise
    if as_json:
        output.show_json({"limits": list(wanted)})
    else:
        output.show(f"It certifies {', '.join(wanted) or 'whatever is asked'} from now on.")


def _written(home: Home, limits: tuple[str, ...]) -> bytes | None:
    """Write *limits* down, and return what stood there before."""
    path = home.authority_limits
    before = path.read_bytes() if path.exists() else None
    write_file(path, "".join(f"{one}\n" for one in limits).encode())
    return before


def _restore(home: Home, before: bytes | None) -> None:
    if before is None:
        home.authority_limits.unlink(missing_ok=True)
    else:
        write_file(home.authority_limits, before)
    own_authority(home, system_clock)


def _refuse_own(home: Home, authority: Authority) -> None:
    """Refuse limits by which this home's own certificates could not be renewed."""
    store = FileStore(home.certificates)
    for entry in store.entries():
        leaf = store.read(entry).chain.leaf
        if leaf.issuer == leaf.subject:
            continue  # what tokens are signed with
        try:
            check_name_constraints((leaf, *authority.issuing.certificates), Effort())
        except HermeticError as error:
            raise BadInput(
                f"The certificate {entry!r} of this home could not be renewed: {error.text}"
            ) from error
