"""The settings of one box: web node and workers in one process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hermetic.config.acme import Acme
from hermetic.config.azureml import AzureMl
from hermetic.config.declaration import named
from hermetic.config.sections import (
    Certificates,
    Kestrel,
    Limits,
    Logging,
    Pool,
    Proxies,
    Tls,
)
from hermetic.config.tree import Note
from hermetic.errors import BadConfiguration


@dataclass(frozen=True)
class Settings:
    """Everything that can be set for one box."""

    role: ClassVar[str] = "one box"
    aliases: ClassVar[Mapping[str, str]] = {}

    kestrel: Kestrel = field(default_factory=Kestrel)
    tls: Tls = field(default_factory=Tls)
    certificates: Certificates = field(default_factory=Certificates)
    proxies: Proxies = field(default_factory=Proxies)
    pool: Pool = field(default_factory=Pool)
    limits: Limits = field(default_factory=Limits)
    azureml: AzureMl = field(default_factory=AzureMl, metadata=named("AzureML"))
    logging: Logging = field(default_factory=Logging)

    def __post_init__(self) -> None:
        servers = self.certificates.acme_servers
        if not (self.azureml.enabled and self.azureml.is_by_acme):
            return
        if not servers:
            raise BadConfiguration(
                "AzureML.Issuer is acme, and no ACME server is named: write"
                " Certificates.Acme.Directory, or let the own authority certify front ends.",
                key="AzureML.Issuer",
            )
        if any(_shares_port(one, self.azureml) for one in servers):
            raise BadConfiguration(
                f"Port {self.azureml.http_port} is where plain HTTP is answered, and where an ACME"
                " server looks for proofs (http-01): let front ends be proved by AzureML.DnsServer,"
                " or choose another AzureML.HttpPort.",
                key="AzureML.HttpPort",
            )

    def notes(self) -> Iterable[Note]:
        """Return what should be known of them."""
        return ()


def _shares_port(acme: Acme, azureml: AzureMl) -> bool:
    """Whether answers of http-01 would be shown where *azureml* answers plain HTTP."""
    shown = acme.challenge == "http-01" and not acme.webroot and not azureml.dns_server
    return shown and azureml.plain_http and azureml.http_port == acme.http_port
