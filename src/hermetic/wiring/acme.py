"""What an ACME server certifies, as the settings say it."""

import hashlib
import re
import stat
from functools import partial
from pathlib import Path

from cryptography import x509

from hermetic.certstore.accounts import Accounts, Records
from hermetic.clock import Clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.alpn01 import AlpnPort
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.dns01 import Program, Updates, UpdateServer
from hermetic.issuers.acme.http01 import OwnPort, Webroot
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.issuers.acme.proving import Prover
from hermetic.tls.contexts import TlsProfile, client_context, server_context

_TSIG = re.compile(
    r'key\s+"?(?P<name>[^\s"{;]+)"?\s*\{'
    r'(?=[^}]*\balgorithm\s+"?(?P<algorithm>[A-Za-z0-9.-]+)"?\s*;)'
    r'(?=[^}]*\bsecret\s+"?(?P<secret>[A-Za-z0-9+/=]+)"?\s*;)[^}]*\}'
)


def acme_issuer(home: Home, acme: Acme, clock: Clock) -> AcmeIssuer:
    """Return the issuer that *acme* means; its account lies in *home*.  Blocks for the disk.

    Raises:
        BadConfiguration: A file that is named cannot be read, or holds something else.
    """
    context = client_context(_authorities(acme.ca), profile=TlsProfile.INTERMEDIATE)
    external = None
    if acme.eab_kid:
        external = ExternalAccount(acme.eab_kid, _secret_in(Path(acme.eab_key_file)).strip())
    server = Server(
        acme.directory,
        context,
        acme.contact,
        acme.agree_tos,
        external,
        acme.profile,
        acme.root,
    )
    # An account is known to one server alone.
    name = hashlib.sha256(acme.directory.encode()).hexdigest()[:16]
    kept = Accounts(home.acme / "accounts" / name)
    return AcmeIssuer(server, kept, [_prover(home, acme)], Chance(clock))


def _prover(home: Home, acme: Acme) -> Prover:
    if acme.challenge == "tls-alpn-01":
        context = partial(server_context, profile=TlsProfile.INTERMEDIATE)
        return AlpnPort(context, acme.tls_port)
    if acme.challenge == "http-01":
        return Webroot(Path(acme.webroot)) if acme.webroot else OwnPort(acme.http_port)
    if acme.dns_program:
        return Program(Path(acme.dns_program))
    server = _update_server(acme.dns_server, Path(acme.dns_key_file) if acme.dns_key_file else None)
    return Updates(server, Records(home.acme / "records"))


def _update_server(place: str, key_file: Path | None) -> UpdateServer:
    address, _, port = place.rpartition(":") if _has_port(place) else (place, "", "53")
    address = address.strip("[]")
    if key_file is None:
        return UpdateServer(address, int(port))
    found = _TSIG.search(_secret_in(key_file))
    if found is None:
        raise BadConfiguration(
            f"{key_file} holds no key for DNS updates: write it with `tsig-keygen -a hmac-sha256"
            " NAME`, as the server has it."
        )
    return UpdateServer(
        address, int(port), found["name"], found["secret"], found["algorithm"].lower()
    )


def _has_port(place: str) -> bool:
    return ":" in place.rpartition("]")[2]


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


def _secret_in(path: Path) -> str:
    """Return what is in a file that nobody else may read."""
    with speaking_of(path):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise BadConfiguration(
                f"{path} holds a key, and others can read it: `chmod 600 {path}`."
            )
        return path.read_text(errors="replace")
