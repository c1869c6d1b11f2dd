"""Who certifies names of front ends: our own authority, or the ACME servers that the settings name.

There, front ends have an account of their own.  What users do with labels must not spend what the
node may order for its own name, nor push its certificates out of what its account remembers.
"""

from pathlib import Path

from hermetic.certstore.accounts import Accounts, Records
from hermetic.clock import Clock
from hermetic.config.acme import Acme
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.config.sections import Certificates
from hermetic.issuers.acme.dns01 import Updates
from hermetic.issuers.acme.proving import Prover
from hermetic.issuers.divided import Divided
from hermetic.issuers.issuer import Issuer
from hermetic.issuers.several import Several
from hermetic.wiring.acme import acme_issuer
from hermetic.wiring.azureml_names import workspace_of
from hermetic.wiring.proving import update_server
from hermetic.wiring.sealing import Sealing

_USE = "front ends"


def issuer_of(
    home: Home,
    section: AzureMl,
    certificates: Certificates,
    sealing: Sealing,
    own: Issuer,
    clock: Clock,
) -> Issuer:
    """Return who certifies names of front ends; *own* does that of the storage anyway.  Blocks.

    Raises:
        BadConfiguration: A file that is named cannot be read, or holds something else.
    """
    if not section.is_by_acme:
        return own
    public = Several(
        [
            acme_issuer(
                home,
                one,
                clock,
                kept=Accounts(home.acme_account(one.directory, _USE)),
                prover=_prover(home, section, one, shown),
            )
            for one, shown in zip(certificates.acme_servers, sealing.provers, strict=True)
        ]
    )
    # What is a name of ours alone is nothing that a public authority could see.
    storage = workspace_of(section).storage_host
    return Divided(own, public, lambda name: name == storage)


def _prover(home: Home, section: AzureMl, acme: Acme, shown: Prover) -> Prover:
    """Return who proves names; *shown* proves those of the node, on a port that is there once."""
    server, key_file = section.dns_server, section.dns_key_file
    if not server:
        server, key_file = acme.dns_server, acme.dns_key_file
    if not server:
        return shown
    # Noted apart: what is swept away after a crash must not be what the other one shows just now.
    records = Records(home.acme / "front-end-records")
    return Updates(update_server(server, Path(key_file) if key_file else None), records)
