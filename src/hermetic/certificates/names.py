"""Names: what a server is called, what a certificate says it is called, who its subject is.

The words are RFC 9525's: a `ServerName` is the reference identifier, what the caller wanted to
reach; a `PresentedName` is what stands in the subjectAltName of a certificate.  A common name
never names a server.  Text is parsed once, here; this module asks neither DNS nor the network.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna
from cryptography import x509

from hermetic.certificates.extensions import extension
from hermetic.errors import BadInput, CertificateRejected

Address = IPv4Address | IPv6Address

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
# getaddrinfo takes such a last label for an address written in another way (127.1, 0x7f.1)
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
# One attribute of a distinguished name and what follows it; the value quoted (RFC 2253) or bare
_ATTRIBUTE = re.compile(
    r""" *+(?:oid\.)?([a-z][a-z0-9-]*+|[0-9]++(?:\.[0-9]++)++) *+= *+"""
    r"""("(?:[^"\\]|\\.)*+" *+|(?:[^,;+"\\]|\\.)*+)([,;+]|\Z)""",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\[0-9a-f]{2}|\\.|.", re.IGNORECASE | re.DOTALL)
# The short names of RFC 4514, 3, and those Windows and OpenSSL write
_ATTRIBUTE_TYPES = {
    **dict.fromkeys(("CN", "COMMONNAME"), "2.5.4.3"),
    **dict.fromkeys(("SN", "SURNAME"), "2.5.4.4"),
    "SERIALNUMBER": "2.5.4.5",
    **dict.fromkeys(("C", "COUNTRYNAME"), "2.5.4.6"),
    **dict.fromkeys(("L", "LOCALITYNAME"), "2.5.4.7"),
    **dict.fromkeys(("ST", "S", "STATEORPROVINCENAME"), "2.5.4.8"),
    **dict.fromkeys(("STREET", "STREETADDRESS"), "2.5.4.9"),
    **dict.fromkeys(("O", "ORGANIZATIONNAME"), "2.5.4.10"),
    **dict.fromkeys(("OU", "ORGANIZATIONALUNITNAME"), "2.5.4.11"),
    **dict.fromkeys(("T", "TITLE"), "2.5.4.12"),
    **dict.fromkeys(("G", "GN", "GIVENNAME"), "2.5.4.42"),
    **dict.fromkeys(("DC", "DOMAINCOMPONENT"), "0.9.2342.19200300.100.1.25"),
    **dict.fromkeys(("UID", "USERID"), "0.9.2342.19200300.100.1.1"),
    **dict.fromkeys(("E", "EMAIL", "EMAILADDRESS"), "1.2.840.113549.1.9.1"),
}
_SHORT_NAMES = {oid: short for short, oid in reversed(_ATTRIBUTE_TYPES.items())}
_LONGEST_NAME = 253  # octets as text, RFC 1035, 2.3.4
_LONGEST_INPUT = 1024  # idna takes time that grows with the square of the length


@dataclass(frozen=True)
class ServerName:
    """What a caller wants to reach: a DNS name in A-labels, lower case, or an IP address."""

    text: str
    address: Address | None = None

    @classmethod
    def parse(cls, text: str) -> "ServerName":
        """Return the name, or raise `BadInput` saying why *text* cannot name a server.

        A DNS name may be in any case, in Unicode (IDNA 2008, with the mapping of UTS 46), and
        may end in a dot; an IPv6 address may stand in brackets.  Refused: wildcards, blanks,
        ports, zones, labels that are not letters, digits and hyphens, and addresses written in
        other ways than four decimal numbers (127.1).
        """
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        address = _address(bare)
        if address is not None and (bare is text or address.version == 6):
            return cls(str(address), address)
        return cls(_dns_name(text))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class PresentedName:
    """A DNS name, perhaps with a wildcard, or an IP address, as a certificate presents it.

    `text` is canonical: A-labels, lower case; a wildcard is `*.` and at least two labels.
    """

    text: str
    address: Address | None = None

    @classmethod
    def parse(cls, text: str) -> "PresentedName":
        """Return the name, or raise `CertificateRejected` (`bad-name`) saying what is wrong.

        Like a server name, and the whole left-most label may be `*` (RFC 9525, 6.3).  Not for
        everything below one label (`*.com`): OpenSSL, curl and Python do not accept that either.
        """
        wildcard = text.startswith("*.")
        try:
            name = ServerName.parse(text[2:] if wildcard else text)
        except BadInput as error:
            raise CertificateRejected("bad-name", error.text) from error
        if wildcard and (name.address is not None or "." not in name.text):
            raise CertificateRejected(
                "bad-name",
                f"The wildcard {text!r} is too wide: write at least two labels after '*.',"
                " such as '*.example.com'.",
            )
        return cls(f"*.{name.text}" if wildcard else name.text, name.address)

    @property
    def is_wildcard(self) -> bool:
        """Whether the left-most label stands for any one label."""
        return self.text.startswith("*.")

    @property
    def general_name(self) -> x509.GeneralName:
        """The name as it is written into a subjectAltName."""
        return x509.DNSName(self.text) if self.address is None else x509.IPAddress(self.address)

    def matches(self, name: ServerName) -> bool:
        """Whether a certificate that presents this name may speak for *name* (RFC 9525, 6.3)."""
        if self.address is not None or name.address is not None:
            return self.address == name.address
        if not self.is_wildcard:
            return self.text == name.text
        _, dot, parent = name.text.partition(".")
        return bool(dot) and self.text[2:] == parent

    def __str__(self) -> str:
        return self.text


def matches(pattern: str, name: ServerName) -> bool:
    """Whether the presented name *pattern* covers *name*; one that names nothing never does."""
    try:
        return PresentedName.parse(pattern).matches(name)
    except CertificateRejected:
        return False


def presented_names(
    certificate: x509.Certificate | x509.CertificateSigningRequest,
) -> tuple[PresentedName, ...]:
    """Return the DNS names and addresses of the subjectAltName, in its order, without repeats.

    Entries that cannot name a server (an address written as a DNS name, `ba*.example.com`) are
    left out, and so can never match.  Raises `CertificateRejected` (`malformed`) if the
    extensions cannot be read.
    """
    found = extension(certificate, x509.SubjectAlternativeName)
    names: dict[PresentedName, None] = {}
    for entry in found.value if found is not None else ():
        if isinstance(entry, x509.IPAddress) and isinstance(entry.value, Address):
            names[PresentedName(str(entry.value), entry.value)] = None
        elif isinstance(entry, x509.DNSName) and entry.value.isascii():
            try:
                name = PresentedName.parse(entry.value)
            except CertificateRejected:
                continue
            if name.address is None and not entry.value.endswith("."):
                names[name] = None
    return tuple(names)


def names_of(
    certificate: x509.Certificate | x509.CertificateSigningRequest,
) -> tuple[str, ...]:
    """Return what `presented_names` finds as text: A-labels in lower case, and addresses."""
    return tuple(name.text for name in presented_names(certificate))


@dataclass(frozen=True, order=True)
class Attribute:
    """One attribute of a distinguished name: its type as a dotted OID, and its text."""

    oid: str
    value: str

    def __str__(self) -> str:
        value = re.sub(r'["+,;<>\\]|\A[ #]| \Z', r"\\\g<0>", self.value).replace("\0", r"\00")
        return f"{_SHORT_NAMES.get(self.oid, self.oid)}={value}"


@dataclass(frozen=True)
class DistinguishedName:
    """Whose certificate it is: relative names, the most specific first, as RFC 4514 writes them.

    Equal means equal to the letter; a name a person typed is compared with `is_same_as`.
    """

    relative_names: tuple[frozenset[Attribute], ...]

    @classmethod
    def parse(cls, text: str) -> "DistinguishedName":
        """Return the name that *text* writes, or raise `BadInput` saying where it goes wrong.

        RFC 4514 (`CN=host,O=Contoso`), and what settings files and Windows write beside it:
        blanks around separators, `;` for `,`, values in double quotes, `S=` for `ST=`, `E=` for
        an e-mail address, `OID.1.2.3=`.  Values in hexadecimal (`#0403…`) are not read.
        """
        relative_names: list[frozenset[Attribute]] = []
        attributes: list[Attribute] = []
        at = 0
        while at <= len(text):
            found = _ATTRIBUTE.match(text, at) if len(text) <= _LONGEST_INPUT else None
            if found is None:
                raise BadInput(
                    f"{text[:200]!r} is not a distinguished name: at character {at + 1} there"
                    " should be an attribute and its value, such as 'CN=host.example.com'."
                )
            attributes.append(_attribute(found[1], found[2], text))
            if found[3] != "+":
                relative_names.append(frozenset(attributes))
                attributes = []
            at = found.end() if found[3] else len(text) + 1
        return cls(tuple(relative_names))

    @classmethod
    def of(cls, name: x509.Name) -> "DistinguishedName":
        """Return the subject or issuer of a certificate, which is encoded the other way round."""
        return cls(
            tuple(
                frozenset(
                    Attribute(
                        one.oid.dotted_string,
                        one.value if isinstance(one.value, str) else f"#{one.value.hex()}",
                    )
                    for one in relative
                )
                for relative in reversed(name.rdns)
            )
        )

    def is_same_as(self, other: "DistinguishedName") -> bool:
        """Whether both mean the same subject for a person who types one of them.

        Case does not count, nor how many blanks stand between words (RFC 5280, 7.1), nor the
        order of the relative names: RFC 4514 begins with the host, `openssl` with the country.
        """
        return self._folded == other._folded

    @property
    def _folded(self) -> list[list[tuple[str, str]]]:
        return sorted(
            sorted((one.oid, " ".join(one.value.casefold().split())) for one in relative)
            for relative in self.relative_names
        )

    def __str__(self) -> str:
        return ",".join("+".join(map(str, sorted(one))) for one in self.relative_names)


def _attribute(kind: str, written: str, text: str) -> Attribute:
    oid = kind if kind[0].isdigit() else _ATTRIBUTE_TYPES.get(kind.upper())
    if oid is None:
        raise BadInput(
            f"{kind!r} in {text!r} is not an attribute of a distinguished name we know:"
            " write CN, O, OU, C, ST, L, DC, UID, E or a dotted OID."
        )
    return Attribute(oid, _value(written, text))


def _value(written: str, text: str) -> str:
    quoted = written.startswith('"')
    parts = _ESCAPE.findall(written.rstrip(" ")[1:-1] if quoted else written)
    while parts and not quoted and parts[-1] == " ":
        parts.pop()
    if not parts or (parts[0] == "#" and not quoted):
        raise BadInput(f"{text!r} has an attribute without a value in text.")
    octets = b"".join(
        bytes.fromhex(part[1:]) if len(part) == 3 else part[-1].encode("utf-8", "surrogatepass")
        for part in parts
    )
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{text!r} has an attribute whose value is not UTF-8.") from error


def _address(text: str) -> Address | None:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _dns_name(text: str) -> str:
    if not text or len(text) > _LONGEST_INPUT:
        raise BadInput(f"A server name has 1 to {_LONGEST_NAME} characters, not {len(text)}.")
    name = text if text.isascii() else _mapped(text)
    labels = [_a_label(label, text) for label in name.lower().removesuffix(".").split(".")]
    name = ".".join(labels)
    if len(name) > _LONGEST_NAME:
        raise BadInput(
            f"The server name {text[:60]!r}… has {len(name)} characters; DNS carries"
            f" {_LONGEST_NAME}."
        )
    if _NUMBER.match(labels[-1]):
        raise BadInput(
            f"{text!r} is neither a DNS name nor an IP address: the last label of a name is not"
            " a number, and an IPv4 address is four numbers from 0 to 255."
        )
    return name


def _mapped(text: str) -> str:
    try:
        return idna.uts46_remap(text, std3_rules=False, transitional=False)
    except idna.IDNAError as error:
        raise BadInput(f"{text!r} cannot name a server: {_because(error)}.") from error


def _a_label(label: str, text: str) -> str:
    if not label.isascii():
        try:
            label = idna.alabel(label).decode("ascii")
        except idna.IDNAError as error:
            raise BadInput(f"{text!r} cannot name a server: {_because(error)}.") from error
    if not _LABEL.match(label):
        shown = text if len(text) <= _LONGEST_NAME else f"{text[:60]}…"
        raise BadInput(
            f"{shown!r} cannot name a server: a label ({label[:70]!r}) has 1 to 63 letters, digits"
            " and hyphens, with no hyphen at either end."
        )
    return label


def _because(error: Exception) -> str:
    reason = str(error).rstrip(".")
    return reason[:1].lower() + reason[1:]
