"""The settings of a compute node: `appsettings.json` of the original's, and ours beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hermetic.config.declaration import setting
from hermetic.config.fingerprints import FINGERPRINT
from hermetic.config.sections import (
    PORT,
    Certificates,
    Limits,
    Logging,
    NodeKestrel,
    Pool,
    Tls,
    refuse_two_certificates,
)
from hermetic.config.tree import Note
from hermetic.errors import BadConfiguration


@dataclass(frozen=True)
class ClientCertificate:
    """Which web nodes are let in, by the certificates they show.

    The original ignored the section, and let everybody in, where its Issuer or Subject was
    blank; such a section keeps the node from starting here.
    """

    enabled: bool | None = setting(None, "whether this section counts; if absent, once it says who")
    issuer: str = setting("", "the issuer of the web nodes' certificate, such as CN=Example CA")
    subject: str = setting("", "its subject, such as CN=web.example.com; goes with Issuer")
    names: tuple[str, ...] = setting(
        (), "URIs and DNS names of which the certificate has one, beside Issuer and Subject"
    )
    fingerprints: tuple[str, ...] = setting(
        (), "fingerprints of which the certificate has one", takes=FINGERPRINT
    )
    denied: tuple[str, ...] = setting(
        (), "fingerprints that are let in no longer, whatever else holds", takes=FINGERPRINT
    )

    enrolled: bool = setting(
        False,
        "whether those are let in that the authority which this node has joined certified as web"
        " nodes; with other names, only who has one of them too",
    )

    def __post_init__(self) -> None:
        if self.enabled is False:
            return
        issuer, subject = self.issuer.strip(), self.subject.strip()
        if bool(issuer) != bool(subject):
            blank, other = ("Subject", "Issuer") if issuer else ("Issuer", "Subject")
            raise BadConfiguration(
                f"ClientCertificate.{other} says who is let in, and ClientCertificate.{blank} is"
                " blank: write it as it stands in the web node's certificate, or set"
                " ClientCertificate.Enabled to false.",
                key=f"ClientCertificate.{other}",
            )
        if self.enabled and not self.is_named:
            raise BadConfiguration(
                "ClientCertificate is enabled, and its Issuer and Subject are blank: write both as"
                " they stand in the web node's certificate, or set ClientCertificate.Enabled to"
                " false.",
                key="ClientCertificate.Enabled",
            )

    @property
    def is_named(self) -> bool:
        """Whether it says which certificates are let in."""
        return bool(self.subject.strip() or self.names or self.fingerprints or self.enrolled)


@dataclass(frozen=True)
class ComputeSettings:
    """Everything that can be set for a compute node."""

    role: ClassVar[str] = "a compute node"
    aliases: ClassVar[Mapping[str, str]] = {
        # The articles have people look for it there, and print it at the top.
        "BackEndConfiguration.ClientCertificate": "ClientCertificate",
    }

    kestrel: NodeKestrel = field(default_factory=lambda: NodeKestrel(port=12805))
    tls: Tls = field(default_factory=Tls)
    certificates: Certificates = field(default_factory=Certificates)
    client_certificate: ClientCertificate = field(default_factory=ClientCertificate)
    pool: Pool = field(default_factory=Pool)
    r_serve_port: int = setting(
        9054,
        "as in the old files; changes nothing",
        takes=PORT,
        unused="no R engine is started",
    )
    limits: Limits = field(default_factory=Limits)
    logging: Logging = field(default_factory=Logging)

    def __post_init__(self) -> None:
        refuse_two_certificates(self.kestrel, self.certificates)
        if self.certificates.front_ends:
            raise BadConfiguration(
                "Certificates.FrontEnds is for what callers see, and a compute node is called by web"
                " nodes alone: remove it here, and set it on the web node.",
                key="Certificates.FrontEnds",
            )

    def notes(self) -> Iterator[Note]:
        """Return what should be known of them."""
        yield from self.kestrel.notes()
