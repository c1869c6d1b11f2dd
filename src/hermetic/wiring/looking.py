"""How web nodes are looked at from outside: whom they are believed by, and who asks."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from hermetic.certificates.authorisation import Trust
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.diagnostics.webs import Outside
from hermetic.errors import BadConfiguration
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.tls.system import system_roots


def outside_of(ca: Path | None, token: str | None, *, plain_http: bool = False) -> Outside:
    """Return how to look; without a *ca* the authorities of the system are believed.

    Raises:
        BadConfiguration: The file cannot be read, or holds no certificate.
    """
    pem = _read(ca) if ca else None
    roots = x509.load_pem_x509_certificates(pem) if pem is not None else list(system_roots())
    trust = Trust(tuple(roots), Role.API)

    def judge(certificates: Sequence[x509.Certificate], name: str) -> object:
        return trust.judge(certificates, system_clock(), name=name)

    context = client_context(pem, profile=TlsProfile.INTERMEDIATE)
    return Outside(context, judge, token, plain_http=plain_http)


def _read(ca: Path) -> bytes:
    try:
        pem = ca.read_bytes()
        x509.load_pem_x509_certificates(pem)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no certificate in PEM"
        raise BadConfiguration(f"The CA file {ca} cannot be used: {why}.") from error
    return pem
