"""What the authority of a home certifies, as `hermetic certificate issue` has it."""

from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.clock import system_clock
from hermetic.config.compute import ClientCertificate
from hermetic.config.home import Home
from hermetic.wiring.own import own_authority


async def issued(home: Home, name: str = "web-1", role: Role = Role.AUTHENTICATION) -> Credential:
    """Return a credential for *name*; the authority is made if the home has none."""
    authority = own_authority(home, system_clock)
    key = generate()
    return Credential(await authority.issue(request(key, names=[name]), role), key)


def shown(credential: Credential) -> list[x509.Certificate]:
    """Return what whoever holds it shows."""
    return list(credential.chain.certificates)


def letting_in(*credentials: Credential) -> ClientCertificate:
    """Return the settings that let these in, and nobody else."""
    return ClientCertificate(fingerprints=tuple(one.chain.sha256 for one in credentials))
