"""Name constraints: what an authority may issue for (RFC 5280, 4.2.1.10).

Every name is written from the general to the particular (`com.example.`, the bits of an
address), so that a subtree is a prefix and a comparison cannot be made to take long.  What
cannot be written so is refused where constraints apply to it: one that is skipped is none.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

from cryptography import x509
from cryptography.x509.oid import NameOID

from hermetic.certificates.effort import Effort
from hermetic.certificates.extensions import extension
from hermetic.certificates.names import Address, PresentedName, ServerName
from hermetic.certificates.refusal import refusal, shown
from hermetic.errors import BadInput

_Kind = type[x509.GeneralName]
_READING = 10  # to read a name costs as much as that many comparisons


def check_name_constraints(path: Sequence[x509.Certificate], effort: Effort) -> None:
    """Refuse a path, leaf first, with a name that an authority above it may not issue for.

    Raises `CertificateRejected`: `name-constraints`, `bad-extension` or `too-complex`.
    """
    for position, authority in enumerate(path):
        found = extension(authority, x509.NameConstraints) if position else None
        if found is None:
            continue
        permitted = _subtrees(authority, found.value.permitted_subtrees or (), effort)
        excluded = _subtrees(authority, found.value.excluded_subtrees or (), effort)
        for below, certificate in enumerate(path[:position]):
            # self-issued certificates are how an authority changes its key; the leaf is none
            if not below or certificate.subject != certificate.issuer:
                _check_names(certificate, authority, permitted, excluded, effort)


def _check_names(
    certificate: x509.Certificate,
    authority: x509.Certificate,
    permitted: dict[_Kind, tuple[str, ...]],
    excluded: dict[_Kind, tuple[str, ...]],
    effort: Effort,
) -> None:
    for kind, value in _names_in(certificate):
        allowed, forbidden = permitted.get(kind), excluded.get(kind, ())
        if allowed is None and not forbidden:
            continue
        effort.compare(_READING + len(allowed or ()) + len(forbidden))
        written = _written(certificate, kind, value)
        if allowed is not None and not written.startswith(allowed):
            reason = "lies in none of the subtrees permitted"
        elif written.startswith(forbidden) or _may_stand_for(value, written, forbidden):
            reason = "lies in a subtree excluded"
        else:
            continue
        raise refusal(
            certificate,
            "name-constraints",
            f"is for {shown(value)}, which {reason} by {shown(authority.subject)} (4.2.1.10).",
        )


def _names_in(certificate: x509.Certificate) -> Iterable[tuple[_Kind, object]]:
    """Return all that constraints apply to: subject, subjectAltName, e-mail of the subject."""
    found = extension(certificate, x509.SubjectAlternativeName)
    kinds = set()
    for name in found.value if found is not None else ():
        kinds.add(type(name))
        yield type(name), name.value
    if list(certificate.subject):
        yield x509.DirectoryName, certificate.subject
    if x509.RFC822Name not in kinds:
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield x509.RFC822Name, attribute.value


def _may_stand_for(value: object, written: str, forbidden: tuple[str, ...]) -> bool:
    """Whether a wildcard covers what is forbidden one label below it (CVE-2025-61727)."""
    return str(value).startswith("*.") and any(
        one.startswith(written) and one.count(".") == written.count(".") + 1 for one in forbidden
    )


def _written(certificate: x509.Certificate, kind: _Kind, value: object) -> str:
    """Write a name of a certificate, ending where it ends; or refuse the certificate."""
    try:
        if kind is x509.DNSName and isinstance(value, str):
            return _written_host(value)
        if kind is x509.IPAddress and isinstance(value, Address):
            return f"{value.version}:{int(value):0{value.max_prefixlen}b}"
        if kind is x509.DirectoryName and isinstance(value, x509.Name):
            return _written_subject(value)
        if kind is x509.RFC822Name and isinstance(value, str):
            return _written_mailbox(value)
        if kind is x509.UniformResourceIdentifier and isinstance(value, str):
            return f"{_reversed(_host(value))}@"
    except BadInput:
        pass
    # "the application MUST either process the constraint or reject the certificate" (4.2.1.10)
    raise refusal(
        certificate,
        "name-constraints",
        f"has a name ({kind.__name__}) that is malformed or of a kind whose constraints are not"
        " processed, and an authority above it constrains names of that kind.",
    )


def _subtrees(
    authority: x509.Certificate, names: Sequence[x509.GeneralName], effort: Effort
) -> dict[_Kind, tuple[str, ...]]:
    """Write the subtrees of each kind; the last character says whether more may follow."""
    effort.compare(_READING * len(names))
    subtrees: dict[_Kind, list[str]] = defaultdict(list)
    for name in names:
        try:
            subtrees[type(name)].append(_written_subtree(name))
        except BadInput as error:
            raise refusal(
                authority,
                "bad-extension",
                f"has a malformed name constraint, {shown(name.value)} (4.2.1.10).",
            ) from error
    return {kind: tuple(written) for kind, written in subtrees.items()}


def _written_subtree(name: x509.GeneralName) -> str:
    match name:
        case x509.DNSName():
            return f"{_reversed(ServerName.parse(name.value).text)}." if name.value else ""
        case x509.IPAddress(value=IPv4Network() | IPv6Network() as network):
            address = network.network_address
            bits = f"{int(address):0{address.max_prefixlen}b}"[: network.prefixlen]
            return f"{address.version}:{bits}"
        case x509.DirectoryName():
            return _written_subject(name.value)
        case x509.RFC822Name() if "@" in name.value:
            return _written_mailbox(name.value)
        case x509.RFC822Name() | x509.UniformResourceIdentifier():
            host = name.value.removeprefix(".")
            end = "." if name.value.startswith(".") else "@"
            return f"{_reversed(ServerName.parse(host).text)}{end}" if host else ""
        case _:
            return ""


def _written_host(text: str) -> str:
    name = PresentedName.parse(text)
    if name.address is not None:
        raise BadInput(f"{text!r} is an address and not a host name.")
    return f"{_reversed(name.text.removeprefix('*.'))}."


def _written_subject(name: x509.Name) -> str:
    """Write a distinguished name, encoded order, case and blanks folded (RFC 5280, 7.1)."""
    relative_names = []
    for relative in name.rdns:
        attributes = []
        for one in relative:
            value = " ".join(str(one.value).casefold().split())
            attributes.append(f"{one.oid.dotted_string}={len(value)}:{value}")
        relative_names.append(f"{'+'.join(sorted(attributes))},")
    return "".join(relative_names)


def _written_mailbox(text: str) -> str:
    local, _, host = text.partition("@")
    if not local:
        raise BadInput(f"{text!r} is not an e-mail address.")
    return f"{_reversed(ServerName.parse(host).text)}@{local}\n"


def _host(uri: str) -> str:
    """Return the host of a URI, or raise `BadInput`: constraints do not fit an address."""
    _, _, rest = uri.partition("://")
    authority = rest.replace("\\", "/").partition("/")[0].partition("?")[0].partition("#")[0]
    name = ServerName.parse(authority.rpartition("@")[2].partition(":")[0])
    if name.address is not None:
        raise BadInput(f"{uri!r} has no host name.")
    return name.text


def _reversed(host: str) -> str:
    return ".".join(reversed(host.split(".")))
