"""The settings of one box, as a typed tree that cannot change.

The names are those of ML Server's `appsettings.json` where it had the setting: the field
`initial_size` of `pool` is `Pool.InitialSize` in the file.  Values here are plain; what they
mean to a room the wiring says.  Each field carries its meaning for `hermetic settings explain`.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from hermetic.errors import BadConfiguration

T = TypeVar("T")

_MIB = 1024 * 1024


def _setting(
    default: T,
    meaning: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare one setting: its default, what it means, and what it may be."""
    bounds = {"meaning": meaning, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata=bounds)


@dataclass(frozen=True)
class Kestrel:
    """Where the web node listens."""

    host: str = _setting("localhost", "the name or address to listen on")
    port: int = _setting(12800, "the port to listen on; 0 takes any free one", least=0, most=65535)
    https_enabled: bool = _setting(True, "whether connections are sealed; false is plain HTTP")
    trusted_proxies: tuple[str, ...] = _setting(
        (), "addresses or networks of the reverse proxies that are believed about their clients"
    )


@dataclass(frozen=True)
class Tls:
    """How connections are sealed."""

    profile: str = _setting(
        "intermediate",
        "Mozilla's profile: intermediate takes TLS 1.2 and 1.3, modern TLS 1.3 only",
        choices=("intermediate", "modern"),
    )


@dataclass(frozen=True)
class Certificates:
    """Which certificate the web node shows."""

    names: tuple[str, ...] = _setting(
        (), "names and addresses to certify beside the host's own, each a DNS name or an address"
    )
    folder: str = _setting(
        "", "a folder with tls.crt and tls.key to use instead of a certificate of our own making"
    )


@dataclass(frozen=True)
class Pool:
    """How many interpreters stand ready."""

    initial_size: int = _setting(5, "workers started with the node", least=0, most=1000)
    max_size: int = _setting(80, "workers there may ever be at once", least=1, most=1000)


@dataclass(frozen=True)
class Limits:
    """What a caller, a call and a service may use."""

    body_bytes: int = _setting(32 * _MIB, "the largest body of a call, in bytes", least=1)
    upload_bytes: int = _setting(
        4096 * _MIB, "the largest bundle, model or file that can be uploaded, in bytes", least=1
    )
    call_seconds: float = _setting(60.0, "how long a call may run", least=0.1)
    load_seconds: float = _setting(120.0, "how long a service may take to load", least=0.1)
    worker_memory_bytes: int = _setting(
        4096 * _MIB, "how much memory a worker may use, in bytes", least=64 * _MIB
    )
    queue_length: int = _setting(1000, "calls that may wait for one service", least=0)
    connections: int = _setting(10_000, "connections there may be at once", least=1)
    connections_per_address: int = _setting(
        1000, "connections there may be at once from one address", least=1
    )
    drain_seconds: float = _setting(
        30.0, "how long calls under way may take to end once the node is told to stop", least=0
    )


@dataclass(frozen=True)
class LogLevel:
    """From which level on events are logged."""

    default: str = _setting(
        "Information",
        "the least level that is logged",
        choices=("Verbose", "Debug", "Information", "Warning", "Error", "Critical"),
    )


@dataclass(frozen=True)
class Logging:
    """What is logged."""

    log_level: LogLevel = field(default_factory=LogLevel)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set."""

    kestrel: Kestrel = field(default_factory=Kestrel)
    tls: Tls = field(default_factory=Tls)
    certificates: Certificates = field(default_factory=Certificates)
    pool: Pool = field(default_factory=Pool)
    limits: Limits = field(default_factory=Limits)
    logging: Logging = field(default_factory=Logging)

    def __post_init__(self) -> None:
        if self.pool.initial_size > self.pool.max_size:
            raise BadConfiguration(
                f"Pool.InitialSize is {self.pool.initial_size} and Pool.MaxSize"
                f" {self.pool.max_size}: raise the second or lower the first."
            )
