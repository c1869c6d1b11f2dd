"""A deployment: a service that entry scripts answer for, at a front end, with sizes of its own.

Pure.  The two kinds are Azure ML's: one is deployed on a compute and shares its front end, the
other is a front end of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hermetic.errors import BadInput
from hermetic.serving.frontend import UNSEALED, FrontEndTls

_NAME = re.compile(r"[a-z](?:[-a-z0-9]{1,30}[a-z0-9])\Z")


class DeploymentKind(StrEnum):
    """Where a deployment is reached."""

    AKS = "AKS"
    """At the front end of a compute."""
    ACI = "ACI"
    """At a front end of its own."""


class DeploymentState(StrEnum):
    """How a deployment stands."""

    TRANSITIONING = "Transitioning"
    HEALTHY = "Healthy"
    FAILED = "Failed"


@dataclass(frozen=True)
class Sizing:
    """How many calls a deployment takes at once, and how long they may take.

    Args:
        replicas: How many there may be at most.
        concurrency: How many calls each takes at once.
        queue_s: How long a call may wait for its turn.
        timeout_s: How long it may then take.
    """

    replicas: int = 1
    concurrency: int = 1
    queue_s: float = 0.5
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise BadInput(f"A deployment's {name} is above 0, not {value}.")

    @property
    def at_once(self) -> int:
        """How many calls run at the same time."""
        return self.replicas * self.concurrency


@dataclass(frozen=True)
class Deployment:
    """A deployment.

    Args:
        compute: The compute it is deployed on; "" for one with a front end of its own.
        told: What its owner said of it beside, as it came; nothing here depends on it.
        key_auth: Whether callers show one of its keys.
        token_auth: Whether they show a token.
        host: The name that its own front end has without TLS, "" where it has none.
        follows_compute: Whether it is sealed as its compute is; otherwise it is in plain HTTP.
        bundle: The digest of what it is made of, once that is put together.
        script: Where in the bundle a call begins.
        variables: What its script finds in its environment.
        requirements: What is installed for it.
        uploads: The uploaded files it was put together from, which it may be again.
        error: Why it failed.
    """

    name: str
    kind: DeploymentKind
    owner: str
    created_at: datetime
    changed_at: datetime
    compute: str = ""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    sizing: Sizing = field(default_factory=Sizing)
    key_auth: bool = False
    token_auth: bool = False
    host: str = ""
    follows_compute: bool = True
    tls: FrontEndTls = UNSEALED
    state: DeploymentState = DeploymentState.TRANSITIONING
    bundle: str = ""
    script: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    requirements: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    error: tuple[str, str] | None = None


def check_name(name: str) -> None:
    """Raise `BadInput` unless *name* can be a deployment's."""
    if not _NAME.match(name):
        raise BadInput(
            f"{name[:80]!r} cannot be a service's name: use 3 to 32 lower-case letters, digits and"
            " dashes, beginning with a letter and not ending with a dash."
        )
