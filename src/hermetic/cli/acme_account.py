"""`hermetic certificate account`: the accounts at the ACME servers of the settings, and their keys."""

import asyncio
import socket
from logging import WARNING

import click

from hermetic import log
from hermetic.certstore.accounts import Accounts
from hermetic.cli import output
from hermetic.cli.connection import home_option, json_option
from hermetic.cli.settings import fitting
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.errors import NotFound
from hermetic.issuers.acme.conversation import stored
from hermetic.issuers.acme.jose import algorithm, thumbprint
from hermetic.wiring.acme import acme_issuer

Told = dict[str, object]


@click.command()
@click.option("--change-key", is_flag=True, help="Give each account another key, as after a theft.")
@home_option
@json_option
def account(home: Home, *, change_key: bool, as_json: bool) -> None:
    """Show the accounts at the ACME servers of the settings: address, key, patience, orders.

    With --change-key each gets another key first; certificates and orders stay.  A node that runs
    goes on with it.
    """
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        servers = fitting(home, None, None).certificates.acme_servers
        if not servers:
            raise NotFound("The settings name no ACME server: `hermetic certificate issue --acme`.")
        if change_key:
            for one in servers:
                asyncio.run(acme_issuer(home, one, system_clock).change_key())
        found = [_told(home, one) for one in servers]
    if as_json:
        output.show_json(found)
        return
    for shown in found:
        output.show_pairs([(name, str(value or "-")) for name, value in shown.items()])


def _told(home: Home, server: Acme) -> Told:
    place = home.acme_account(server.directory)
    known = stored(Accounts(place)) if place.is_dir() else None
    if known is None:
        return {"server": server.directory, "account": None}
    patience = known.not_before
    return {
        "server": server.directory,
        "account": known.kid,
        "key": f"{algorithm(known.key)} {thumbprint(known.key)}",
        "not asked before": None if patience is None else f"{patience:%Y-%m-%dT%H:%M:%SZ}",
        "last orders": ", ".join(known.under_way.values()),
    }
