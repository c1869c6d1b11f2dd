"""`hermetic certificate revoke`: the ACME server that issued a certificate takes it back."""

import asyncio
import socket
from logging import WARNING

import click

from hermetic import log
from hermetic.certificates.chain import Chain
from hermetic.certstore.files import FileStore
from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching
from hermetic.cli.local_nodes import LocalNode
from hermetic.cli.settings import fitting
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.errors import BadInput
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.wiring.acme import acme_issuer

_REASONS = {  # RFC 5280, 5.3.1, as far as ACME servers take them
    "unspecified": 0,
    "key-compromise": 1,
    "affiliation-changed": 3,
    "superseded": 4,
    "cessation-of-operation": 5,
}


@click.command()
@click.argument("entry", default="api")
@click.option(
    "--reason",
    type=click.Choice(list(_REASONS)),
    default="unspecified",
    show_default=True,
    help="Why.",
)
@reaching
@json_option
def revoke(entry: str, reason: str, reach: Reach, *, as_json: bool) -> None:
    """Have the ACME server that issued ENTRY (`api`) revoke it.

    A node that runs in the home gets another one first, with a new key, and presents it.
    """
    with acting_as_owner(reach.home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        chain = FileStore(reach.home.certificates).read(entry).chain
        issuer = _issuer_of(reach, entry, chain)
    # The record of a node that was killed stays behind.
    replaced = LocalNode("onebox", reach.home).pid is not None
    if replaced:
        with connected(reach) as client:
            client.renew(entry)
    with acting_as_owner(reach.home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        asyncio.run(issuer.revoke(chain, _REASONS[reason]))
    if as_json:
        told = {"entry": entry, "serial": f"{chain.serial:x}", "reason": reason}
        output.show_json({**told, "replaced": replaced})
        return
    output.note(f"{entry} with the serial number {chain.serial:x} is revoked.")
    if not replaced:
        output.note("No node runs here: hermetic certificate issue --acme … gets another one.")


def _issuer_of(reach: Reach, entry: str, chain: Chain) -> AcmeIssuer:
    """Return the server of the settings that issued *chain*; raises `BadInput` if none did."""
    certificates = fitting(reach.home, None, None).certificates
    for one in certificates.acme_servers:
        issuer = acme_issuer(reach.home, one, system_clock)
        if issuer.issued(chain):
            return issuer
    raise BadInput(
        f"No ACME server of the settings issued {entry!r}: whoever issued it revokes it; what our own"
        " authority issued ends within a day."
    )
