"""What a web node can do and what it knows of itself, as its API is given it."""

from collections.abc import Callable
from dataclasses import dataclass

from hermetic.diagnostics.nodes import Diagnosis
from hermetic.gateway.access import Access
from hermetic.gateway.accounts import Accounts
from hermetic.gateway.certification import Certification
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.node.health import Health
from hermetic.node.metrics import Metrics
from hermetic.web.acme.api import Acme
from hermetic.wire.messages import Status


@dataclass(frozen=True)
class UseCases:
    """What a web node can do."""

    access: Access
    accounts: Accounts
    publishing: Publishing
    sessions: Sessions
    snapshots: Snapshots
    certification: Certification
    enrolment: Enrolment | None = None
    """None where one box does everything."""
    diagnosis: Diagnosis | None = None
    """As well."""
    certifying: Acme | None = None
    """Our authority, for others."""


@dataclass(frozen=True)
class Insight:
    """What a web node knows of itself."""

    health: Health
    metrics: Metrics
    standing: Callable[[], Status]
