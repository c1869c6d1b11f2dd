"""What an ACME server certifies, as the settings say it."""

from pathlib import Path

from cryptography import x509

from hermetic.certstore.accounts import Accounts
from hermetic.clock import Clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.account import Keeping
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.issuers.acme.proving import Prover
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.wiring.proving import Listening, prover_of, secret_in


def acme_issuer(
    home: Home,
    acme: Acme,
    clock: Clock,
    listening: Listening | None = None,
    kept: Keeping | None = None,
    prover: Prover | None = None,
) -> AcmeIssuer:
    """Return the issuer that *acme* means.  Blocks for the disk.

    Args:
        listening: The listener that can show answers, if there is one.
        kept: Who keeps its account; *home* does otherwise.
        prover: Who proves the names; as *acme* says it otherwise.

    Raises:
        BadConfiguration: A file that is named cannot be read, or holds something else.
    """
    context = client_context(_authorities(acme.ca), profile=TlsProfile.INTERMEDIATE)
    external = None
    if acme.eab_kid:
        external = ExternalAccount(acme.eab_kid, secret_in(Path(acme.eab_key_file)).strip())
    server = Server(
        acme.directory,
        context,
        acme.contact,
        acme.agree_tos,
        external,
        acme.profile,
        acme.root,
        # Of one that has an authority of its own, somebody here decides what it bears.
        limited=not acme.ca,
    )
    kept = kept or Accounts(home.acme_account(acme.directory))
    prover = prover or prover_of(home, acme, listening)
    return AcmeIssuer(server, kept, [prover], Chance(clock))


def _authorities(ca: str) -> bytes | None:
    if not ca:
        return None
    with speaking_of(Path(ca)):
        pem = Path(ca).read_bytes()
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadConfiguration(f"The CA file {ca} holds no certificate in PEM.") from error
    return pem
