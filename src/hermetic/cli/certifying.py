"""What our own authority certifies, and keys that vouch for themselves."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta
from logging import WARNING

from hermetic import log
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request, self_signed
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_file
from hermetic.wiring.own import own_authority


def issued(home: Home, names: Sequence[str], role: Role, days: int) -> Credential:
    """Return a credential for *days*, certified by the authority of *home*, which is made if missing.

    Raises:
        CertificateRejected: A name cannot be certified (`bad-name`).
        BadConfiguration: The home is somebody else's, or its authority is lost or has expired.
    """
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        home.create()
        authority = own_authority(home, system_clock, timedelta(days=days))
        write_file(home.ca, authority.root_pem)
        key = generate(KeyKind.EC_P256)
        asked = authority.issue(request(key, names=names), role)
        return Credential(asyncio.run(asked), key)


def for_signing(days: int) -> Credential:
    """Return for *days* a new RSA key to sign tokens with, in a certificate that vouches for nothing else."""
    life = timedelta(days=days)
    key = generate(KeyKind.RSA_2048)
    return self_signed(key, name="Hermetic token signing", now=system_clock(), life=life)
