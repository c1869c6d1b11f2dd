"""What our own authority may certify, as its owner writes it, and as an intermediate says it."""

from collections.abc import Sequence
from ipaddress import ip_network

from cryptography import x509

from hermetic.certificates.extensions import extension
from hermetic.certificates.names import PresentedName
from hermetic.errors import BadInput, CertificateRejected

HERE = ("localhost", "127.0.0.0/8", "::1/128")
"""What each machine calls itself; without it no node could certify itself."""


def parse(names: Sequence[str]) -> tuple[str, ...]:
    """Return domains and networks in one form, sorted; a domain stands for all names below it too.

    Raises:
        BadInput: One is neither.
    """
    return tuple(sorted({_parsed(one) for one in names}))


def constraints(limits: Sequence[str]) -> x509.NameConstraints | None:
    """Return the extension that permits *limits*, and what each machine calls itself.

    It says nothing of addresses where no network is among them, nor of names where no domain is:
    what is not named is not limited (RFC 5280, 4.2.1.10).
    """
    if not limits:
        return None
    networks = [one for one in limits if _is_network(one)]
    domains = [one for one in limits if not _is_network(one)]
    subtrees: list[x509.GeneralName] = []
    if domains:
        subtrees += [x509.DNSName(one) for one in (*domains, HERE[0])]
    if networks:
        subtrees += [x509.IPAddress(ip_network(one)) for one in (*networks, *HERE[1:])]
    return x509.NameConstraints(permitted_subtrees=subtrees, excluded_subtrees=None)


def limited_to(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the limits that *certificate* says, as `parse` writes them."""
    found = extension(certificate, x509.NameConstraints)
    permitted = () if found is None else found.value.permitted_subtrees or ()
    return tuple(sorted({str(one.value) for one in permitted} - set(HERE)))


def _parsed(text: str) -> str:
    if _is_network(text):
        return str(ip_network(text))
    try:
        name = PresentedName.parse(text.removeprefix("*."))
    except CertificateRejected as error:
        raise BadInput(
            f"{text[:100]!r} is neither a domain such as example.com nor a network such as"
            " 10.0.0.0/8."
        ) from error
    return name.text


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
