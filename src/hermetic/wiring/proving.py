"""Who proves names to an ACME server, as the settings say it."""

import re
import stat
from functools import partial
from pathlib import Path

from hermetic.certstore.accounts import Records
from hermetic.config.acme import Acme
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.alpn01 import AlpnAnswers, AlpnPort
from hermetic.issuers.acme.dns01 import Program, Updates
from hermetic.issuers.acme.http01 import OwnPort, Webroot
from hermetic.issuers.acme.proving import Prover
from hermetic.issuers.dns_updates import UpdateServer
from hermetic.tls.contexts import TlsProfile, server_context

_TSIG = re.compile(
    r'key\s+"?(?P<name>[^\s"{;]+)"?\s*\{'
    r'(?=[^}]*\balgorithm\s+"?(?P<algorithm>[A-Za-z0-9.-]+)"?\s*;)'
    r'(?=[^}]*\bsecret\s+"?(?P<secret>[A-Za-z0-9+/=]+)"?\s*;)[^}]*\}'
)


Listening = tuple[int, AlpnAnswers]
"""The port on which a node listens, and the answers that it can show there."""


def prover_of(home: Home, acme: Acme, listening: Listening | None = None) -> Prover:
    """Return who proves the names as *acme* says; blocks for the disk.

    Raises:
        BadConfiguration: A file that is named cannot be read, or holds something else.
    """
    if acme.challenge == "tls-alpn-01":
        if listening is not None and acme.tls_port == listening[0]:
            return listening[1]  # the port is ours, and in use
        context = partial(server_context, profile=TlsProfile.INTERMEDIATE)
        return AlpnPort(context, acme.tls_port)
    if acme.challenge == "http-01":
        return Webroot(Path(acme.webroot)) if acme.webroot else OwnPort(acme.http_port)
    if acme.dns_program:
        return Program(Path(acme.dns_program))
    server = update_server(acme.dns_server, Path(acme.dns_key_file) if acme.dns_key_file else None)
    return Updates(server, Records(home.acme / "records"))


def update_server(place: str, key_file: Path | None) -> UpdateServer:
    """Return the DNS server at *place*, and its key; raises as `prover_of`, blocks for the disk."""
    address, _, port = place.rpartition(":") if _has_port(place) else (place, "", "53")
    address = address.strip("[]")
    if key_file is None:
        return UpdateServer(address, int(port))
    found = _TSIG.search(secret_in(key_file))
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


def secret_in(path: Path) -> str:
    """Return what is in a file that nobody else may read."""
    with speaking_of(path):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise BadConfiguration(
                f"{path} holds a key, and others can read it: `chmod 600 {path}`."
            )
        return path.read_text(errors="replace")
