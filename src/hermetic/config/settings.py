"""The settings of one box: web node and workers in one process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hermetic.config.azureml import AzureMl, refuse_unissuable
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
        refuse_unissuable(self.azureml, self.certificates.acme_servers)

    def notes(self) -> Iterable[Note]:
        """Return what should be known of them."""
        return ()
