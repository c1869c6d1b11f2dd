"""A service: a published name and version, with its runtime, schema and bundle.

Its life is *published → served → retired*.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hermetic.errors import BadInput
from hermetic.serving.schema import Schema

_DEPLOYED = "_deployed."
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~@+-]{0,127}\Z")


class RuntimeKind(StrEnum):
    """What loads the bundle, by the names the protocol of ML Server 9.x gives them."""

    PYTHON = "Python"
    R = "R"
    REALTIME = "Realtime"


class EntryKind(StrEnum):
    """Where in the bundle a call begins."""

    CODE = "code"
    """Source text run in a namespace that holds the inputs (ML Server)."""
    SCRIPT = "script"
    """A file with `run(...)` and perhaps `init()` (Azure ML)."""
    FUNCTION = "function"
    """One function of one module."""
    REQUEST = "request"
    """A file with `run(...)` that is given the request and gives the response (Azure ML)."""


@dataclass(frozen=True)
class Entry:
    """Where a call begins.

    `code` and `init_code` hold source for `CODE`; for a `SCRIPT` and a `REQUEST`, `target` is its
    path inside the bundle; for a `FUNCTION`, `target` is `module:function`.  `variables` are what
    the script of a `REQUEST` finds in its environment, `requirements` what is installed for it.
    """

    kind: EntryKind = EntryKind.CODE
    code: str = ""
    init_code: str | None = None
    target: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceKey:
    """The name and version under which a service is published."""

    name: str
    version: str

    @classmethod
    def parse(cls, name: str, version: str) -> "ServiceKey":
        """Return the key, or raise `BadInput` if either part could not stand in an address."""
        for what, value in (("name", name), ("version", version)):
            if not _NAME.match(value) or value in {".", ".."}:
                raise BadInput(
                    f"{value!r} cannot be a service's {what}: use 1 to 128 letters, digits"
                    " or any of _ . ~ @ + -, beginning with a letter, a digit or _."
                )
        return cls(name, version)

    @classmethod
    def deployed(cls, name: str) -> "ServiceKey":
        """Return the key under which workers know the deployment *name*; nobody can publish it."""
        return cls(f"{_DEPLOYED}{name}", "0")

    @property
    def is_deployed(self) -> bool:
        """Whether it is one that `deployed` returned."""
        return self.name.startswith(_DEPLOYED)

    def __str__(self) -> str:
        """Return it as it stands in a sentence."""
        if self.is_deployed:
            return repr(self.name.removeprefix(_DEPLOYED))
        return f"{self.name!r} in version {self.version!r}"

    @property
    def path(self) -> str:
        """The address a call is sent to."""
        return f"/api/{self.name}/{self.version}"


@dataclass(frozen=True)
class PlacedKey(ServiceKey):
    """A service as one web node gave it to a compute node; `placement` is the digest of all of it.

    While a service is being changed, web nodes may for a moment speak of two under one key.
    """

    placement: str


@dataclass(frozen=True)
class Service:
    """A published service; `bundle` is the digest of its archive, if it has one.

    A call of one that is `idempotent` may be run twice: when a node fails in the middle of it,
    it is tried again.
    """

    key: ServiceKey
    owner: str
    created_at: datetime
    runtime: RuntimeKind
    entry: Entry
    schema: Schema
    description: str | None = None
    operation_id: str | None = None
    snapshot_id: str | None = None
    bundle: str | None = None
    idempotent: bool = False
