"""The settings of a web node: `appsettings.json` of the original's web node, and ours beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from hermetic.config.authentication import Authentication, Authorization
from hermetic.config.azureml import AzureMl, refuse_unissuable
from hermetic.config.declaration import Range, named, secret, setting
from hermetic.config.sections import (
    CertificateChoice,
    Certificates,
    Limits,
    Logging,
    NodeKestrel,
    Proxies,
    Tls,
    refuse_two_certificates,
    refuse_unnamed,
)
from hermetic.config.tree import Note
from hermetic.errors import BadConfiguration

_TEN_MINUTES = timedelta(minutes=10)
_MOMENT = Range(1)


@dataclass(frozen=True)
class ServerDatabase:
    """A database on a server, which several web nodes share."""

    enabled: bool = setting(False, "whether this database is used")
    encrypted: bool = setting(False, "whether Connection is sealed for a certificate")
    connection: str = secret("how it is reached, and as whom", sealed_by="encrypted")


@dataclass(frozen=True)
class EmbeddedDatabase:
    """The database in the home, for a single web node."""

    enabled: bool = setting(True, "whether it is used where no other database is")
    encrypted: bool = setting(False, "as in the old files; changes nothing")
    connection: str = secret(
        "as in the old files; changes nothing", unused="the embedded database lies in the home"
    )


@dataclass(frozen=True)
class ConnectionStrings:
    """Where what was published is kept."""

    sqlserver: ServerDatabase = field(default_factory=ServerDatabase, metadata=named("sqlserver"))
    postgresql: ServerDatabase = field(default_factory=ServerDatabase, metadata=named("postgresql"))
    default_db: EmbeddedDatabase = field(
        default_factory=EmbeddedDatabase, metadata=named("defaultDb")
    )

    def __post_init__(self) -> None:
        path = "ConnectionStrings"
        if self.sqlserver.enabled:
            raise BadConfiguration(
                f"{path}.sqlserver is enabled, and SQL Server is not supported: set its Enabled to"
                f" false, and {path}.postgresql.Enabled to true with a Connection.",
                key=f"{path}.sqlserver.Enabled",
            )
        if self.postgresql.enabled and not self.postgresql.connection.strip():
            raise BadConfiguration(
                f"{path}.postgresql is enabled, and its Connection is blank: write such as"
                " Host=db.example.com;Database=hermetic;User ID=…;Password=….",
                key=f"{path}.postgresql.Enabled",
            )
        if not (self.postgresql.enabled or self.default_db.enabled):
            raise BadConfiguration(
                f"No database is enabled: set {path}.postgresql.Enabled to true, or"
                f" {path}.defaultDb.Enabled for a single web node.",
                key=f"{path}.defaultDb.Enabled",
            )


@dataclass(frozen=True)
class Uris:
    """The addresses of the compute nodes."""

    values: tuple[str, ...] = setting((), "each such as https://compute-1.example.com:12805")
    ranges: tuple[str, ...] = setting(
        (), "many at once, such as https://10.0.1.0-255:12805 for 256 of them"
    )


@dataclass(frozen=True)
class BackEndConfiguration:
    """Which compute nodes there are, and how the web node speaks to them."""

    client_certificate: CertificateChoice = field(default_factory=CertificateChoice)
    uris: Uris = field(default_factory=Uris)
    connection_timeout: timedelta = setting(
        _TEN_MINUTES, "how long a compute node may take to answer a call", takes=_MOMENT
    )

    def __post_init__(self) -> None:
        refuse_unnamed(
            self.client_certificate,
            "BackEndConfiguration.ClientCertificate",
            "set Enabled to false",
        )


@dataclass(frozen=True)
class Cors:
    """Which pages of other origins may call."""

    enabled: bool = setting(False, "whether any may")
    origins: tuple[str, ...] = setting((), "which, each such as https://portal.example.com")


@dataclass(frozen=True)
class WebSettings:
    """Everything that can be set for a web node."""

    role: ClassVar[str] = "a web node"
    aliases: ClassVar[Mapping[str, str]] = {
        "ComputeNodesConfiguration": "BackEndConfiguration",  # as of 9.2
        "AdminPassword": "Authentication.AdminPassword",  # 9.0.1 wrote it twice
        # R Server 9.0 put what it knew of a directory into a list of one.
        "Authentication.LDAP.Values": "Authentication.LDAP",
        "Authentication.AzureActiveDirectory.Values": "Authentication.AzureActiveDirectory",
    }

    kestrel: NodeKestrel = field(default_factory=NodeKestrel)
    tls: Tls = field(default_factory=Tls)
    certificates: Certificates = field(default_factory=Certificates)
    authentication: Authentication = field(default_factory=Authentication)
    authorization: Authorization = field(default_factory=Authorization)
    connection_strings: ConnectionStrings = field(default_factory=ConnectionStrings)
    back_end_configuration: BackEndConfiguration = field(default_factory=BackEndConfiguration)
    max_number_of_threads_per_batch_execution: int = setting(
        100, "items of one batch that run at once", takes=Range(1, 10_000)
    )
    batch_execution_checkout_time_span: timedelta = setting(
        _TEN_MINUTES, "how long an item of a batch may take before it is begun anew", takes=_MOMENT
    )
    cors: Cors = field(default_factory=Cors, metadata=named("CORS"))
    proxies: Proxies = field(default_factory=Proxies)
    limits: Limits = field(default_factory=Limits)
    azureml: AzureMl = field(default_factory=AzureMl, metadata=named("AzureML"))
    logging: Logging = field(default_factory=Logging)

    def __post_init__(self) -> None:
        refuse_two_certificates(self.kestrel, self.certificates)
        refuse_unissuable(self.azureml, self.certificates.acme_servers)

    def notes(self) -> Iterator[Note]:
        """Return what should be known of them."""
        yield from self.kestrel.notes()
        yield from self.authorization.notes()
