"""The sections of settings that several roles share.

The names are those of ML Server's `appsettings.json` where it had the setting: the field
`initial_size` of `pool` is `Pool.InitialSize` in the file.  Values here are plain; what they
mean to a room the wiring says.  Each field carries its meaning for `hermetic settings explain`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from hermetic.config.acme import Acme
from hermetic.config.declaration import Choice, Form, Range, setting
from hermetic.config.fingerprints import FINGERPRINT
from hermetic.config.tree import Note
from hermetic.errors import BadConfiguration

_MIB = 1024 * 1024
PORT = Range(0, 65535)
"""What a port may be; 0 takes any free one."""

_LEVEL = Choice(
    ("Verbose", "Debug", "Information", "Warning", "Error", "Critical"),
    synonyms={"fatal": "Critical"},  # so it was called until 9.1
)
_ELSEWHERE = "parts of the original log nothing here"


def is_this_machine(host: str) -> bool:
    """Whether nobody outside this machine reaches what listens on *host*."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True)
class CertificateChoice:
    """Which certificate of a store is meant, by its subject or its fingerprint."""

    enabled: bool | None = setting(
        None, "whether this section counts; if absent, once it names a certificate"
    )
    store_name: str = setting(
        "My",
        "the store the certificate lies in",
        takes=Choice(("My", "Root", "CertificateAuthority")),
    )
    store_location: str = setting(
        "LocalMachine",
        "whose store that is: this machine's, or the node's own user's",
        takes=Choice(("LocalMachine", "CurrentUser")),
    )
    subject_name: str = setting("", "the subject of the certificate, such as CN=models.example.com")
    thumbprint: str = setting(
        "", "its fingerprint, which tells apart certificates of one subject", takes=FINGERPRINT
    )

    @property
    def is_named(self) -> bool:
        """Whether it says which certificate is meant."""
        return bool(self.subject_name.strip() or self.thumbprint)

    @property
    def is_chosen(self) -> bool:
        """Whether a certificate is to be taken from the store."""
        return self.enabled is not False and self.is_named


def refuse_unnamed(choice: CertificateChoice, path: str, otherwise: str) -> None:
    """Refuse a *choice* that is enabled and names no certificate; *otherwise* is the other way."""
    if choice.enabled and not choice.is_named:
        raise BadConfiguration(
            f"{path} is enabled, and its SubjectName and Thumbprint are blank: write which"
            f" certificate is meant, or {otherwise}.",
            key=f"{path}.Enabled",
        )


@dataclass(frozen=True)
class Kestrel:
    """Where one box listens."""

    host: str = setting("localhost", "the name or address to listen on")
    port: int = setting(12800, "the port to listen on; 0 takes any free one", takes=PORT)
    https_enabled: bool = setting(True, "whether connections are sealed; false is plain HTTP")


@dataclass(frozen=True)
class NodeKestrel:
    """Where a node of its own listens, and what it presents there."""

    host: str = setting(
        "",
        "the name or address to listen on; none is every address, or this machine alone"
        " where HTTP is plain",
    )
    port: int = setting(12800, "the port to listen on; 0 takes any free one", takes=PORT)
    https_enabled: bool = setting(True, "whether connections are sealed; false is plain HTTP")
    https_certificate: CertificateChoice = field(default_factory=CertificateChoice)
    allow_plain_http_beyond_this_machine: bool = setting(
        False, "whether passwords and data may go readable through the network"
    )

    def __post_init__(self) -> None:
        path = "Kestrel.HttpsCertificate"
        if self.https_enabled and self.https_certificate.enabled is False:
            raise BadConfiguration(
                f"Kestrel.HttpsEnabled is true, and {path}.Enabled false: set that to true for the"
                " certificate the section names, or remove the section for one of our own.",
                key=f"{path}.Enabled",
            )
        refuse_unnamed(
            self.https_certificate, path, "remove the section for a certificate of our own"
        )
        if self.host and not (self.https_enabled or self._may_be_open()):
            raise BadConfiguration(
                f"Plain HTTP on {self.host} would send passwords and data readable through the"
                " network: set Kestrel.HttpsEnabled to true, Kestrel.Host to localhost, or"
                " Kestrel.AllowPlainHttpBeyondThisMachine to true.",
                key="Kestrel.HttpsEnabled",
            )

    @property
    def interface(self) -> str:
        """The name or address to listen on, once decided; "" is every address."""
        if self.host or self.https_enabled or self.allow_plain_http_beyond_this_machine:
            return self.host
        return "localhost"

    def notes(self) -> Iterator[Note]:
        """Return what is surprising about where the node listens."""
        alone = is_this_machine(self.interface)
        if not self.https_enabled:
            heard = "nobody else reaches it" if alone else "the network can read all of it"
            yield Note(
                "Kestrel.HttpsEnabled",
                f"The node speaks plain HTTP, and {heard}: set Kestrel.HttpsEnabled to true.",
            )
        elif alone:
            yield Note(
                "Kestrel.Host",
                f"The node listens on {self.host} alone, and no other machine reaches it: remove"
                " Kestrel.Host to listen on every address.",
            )

    def _may_be_open(self) -> bool:
        return self.allow_plain_http_beyond_this_machine or is_this_machine(self.host)


@dataclass(frozen=True)
class Tls:
    """How connections are sealed."""

    profile: str = setting(
        "intermediate",
        "Mozilla's profile: intermediate takes TLS 1.2 and 1.3, modern TLS 1.3 only",
        takes=Choice(("intermediate", "modern")),
    )


@dataclass(frozen=True)
class Certificates:
    """Which certificate a node shows."""

    names: tuple[str, ...] = setting(
        (), "names and addresses to certify beside the host's own, each a DNS name or an address"
    )
    folder: str = setting(
        "", "a folder with tls.crt and tls.key to use instead of a certificate of our own making"
    )
    front_ends: str = setting(
        "",
        "a folder of folders, each with a tls.crt and tls.key that are shown to who asks for their"
        " names",
    )
    acme: Acme = field(default_factory=Acme)
    acme_otherwise: Acme = field(default_factory=Acme)

    @property
    def acme_servers(self) -> tuple[Acme, ...]:
        """The ACME servers that are named, in the order in which they are asked."""
        return tuple(one for one in (self.acme, self.acme_otherwise) if one.directory)

    def __post_init__(self) -> None:
        key = "Certificates.Acme.Directory"
        if not self.acme.directory:
            if self.acme_otherwise.directory:
                raise BadConfiguration(
                    "Certificates.AcmeOtherwise names the server to ask when that of"
                    " Certificates.Acme does not issue, and that is missing: write it.",
                    key=key,
                )
            return
        if self.folder:
            raise BadConfiguration(
                f"{key} and Certificates.Folder both say where the certificate comes from: remove"
                " one of them.",
                key=key,
            )
        if not self.names:
            raise BadConfiguration(
                f"{key} is set, and Certificates.Names is empty: write the names to certify.",
                key=key,
            )
        dns_alone = all(one.challenge == "dns-01" for one in self.acme_servers)
        if not dns_alone and any(one.startswith("*.") for one in self.names):
            raise BadConfiguration(
                "A wildcard can be proved by dns-01 alone: set Certificates.Acme.Challenge to it.",
                key="Certificates.Names",
            )


def refuse_two_certificates(kestrel: NodeKestrel, certificates: Certificates) -> None:
    """Refuse to guess which certificate is to be presented."""
    given = {
        "Certificates.Folder": certificates.folder,
        "Certificates.Acme.Directory": certificates.acme.directory,
    }
    for key, value in given.items():
        if kestrel.https_certificate.is_chosen and value:
            raise BadConfiguration(
                f"Kestrel.HttpsCertificate and {key} both name a certificate to present: remove"
                " one of them.",
                key=key,
            )


def network(text: str) -> str | None:
    """Return *text*, an address or a network, as a network; `None` if it is neither."""
    try:
        return str(ip_network(text))
    except ValueError:
        return None


@dataclass(frozen=True)
class Proxies:
    """Who stands between a client and the node."""

    trusted: tuple[str, ...] = setting(
        (),
        "addresses and networks whose X-Forwarded-For and -Proto are believed",
        takes=Form("an address such as 10.0.0.7 or a network such as 10.0.0.0/24", network),
    )


@dataclass(frozen=True)
class Pool:
    """How many interpreters stand ready."""

    initial_size: int = setting(5, "workers started with the node", takes=Range(0, 1000))
    max_size: int = setting(80, "workers there may ever be at once", takes=Range(1, 1000))

    def __post_init__(self) -> None:
        if self.initial_size > self.max_size:
            raise BadConfiguration(
                f"Pool.InitialSize is {self.initial_size} and Pool.MaxSize {self.max_size}:"
                " raise the second or lower the first.",
                key="Pool.InitialSize",
            )


@dataclass(frozen=True)
class Limits:
    """What a caller, a call and a service may use."""

    body_bytes: int = setting(32 * _MIB, "the largest body of a call, in bytes", takes=Range(1))
    upload_bytes: int = setting(
        4096 * _MIB,
        "the largest bundle, model or file that can be uploaded, in bytes",
        takes=Range(1),
    )
    call_seconds: float = setting(60.0, "how long a call may run", takes=Range(0.1))
    load_seconds: float = setting(120.0, "how long a service may take to load", takes=Range(0.1))
    worker_memory_bytes: int = setting(
        4096 * _MIB, "how much memory a worker may use, in bytes", takes=Range(64 * _MIB)
    )
    queue_length: int = setting(1000, "calls that may wait for one service", takes=Range(0))
    connections: int = setting(10_000, "connections there may be at once", takes=Range(1))
    connections_per_address: int = setting(
        1000, "connections there may be at once from one address", takes=Range(1)
    )
    drain_seconds: float = setting(
        30.0,
        "how long calls under way may take to end once the node is told to stop",
        takes=Range(0),
    )
    notice_seconds: float = setting(
        0.0,
        "how long a node that is told to stop goes on accepting, unready already, so that"
        " balancers see it first",
        takes=Range(0),
    )


@dataclass(frozen=True)
class LogLevel:
    """From which level on events are logged."""

    default: str = setting("Information", "the least level that is logged", takes=_LEVEL)
    system: str = setting(
        "Warning", "as in the old files; changes nothing", takes=_LEVEL, unused=_ELSEWHERE
    )
    microsoft: str = setting(
        "Warning", "as in the old files; changes nothing", takes=_LEVEL, unused=_ELSEWHERE
    )
    jwt_bearer: str = setting(
        "Warning",
        "as in the old files; changes nothing",
        takes=_LEVEL,
        written="Microsoft.AspNetCore.Authentication.JwtBearer.JwtBearerMiddleware",
        unused=_ELSEWHERE,
    )


@dataclass(frozen=True)
class Logging:
    """What is logged."""

    include_scopes: bool = setting(
        False,
        "as in the old files; changes nothing",
        unused="every line carries the node and the request already",
    )
    logs_path: str = setting(
        "",
        "as in the old files; changes nothing",
        unused="logs go to standard error, where systemd or the container keeps them",
    )
    max_logs_files_number: int = setting(
        10,
        "as in the old files; changes nothing",
        takes=Range(0),
        unused="whoever keeps standard error also rotates it",
    )
    log_level: LogLevel = field(default_factory=LogLevel)
