"""What the workspace is called, and how what is deployed is reached, as the settings say it."""

from collections.abc import Sequence
from ipaddress import ip_address

from hermetic.access.tokens import TENANT
from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.config.azureml import AzureMl

_LOOPBACK = "127.0.0.1"


def workspace_of(section: AzureMl) -> Workspace:
    """Return the workspace."""
    return Workspace(
        subscription=section.subscription_id,
        group=section.resource_group,
        name=section.workspace,
        region=section.region,
        domain=section.domain,
        tenant=TENANT,
        cluster=section.cluster,
    )


def reached_of(section: AzureMl, bound: str, names: Sequence[str], ports: Sequence[int]) -> Reached:
    """Return how what is deployed is reached.

    Args:
        bound: What the node listens on.
        names: The names and addresses of this machine, those first that others know it by.
        ports: That of HTTPS, and that of plain HTTP if there is one.
    """
    addresses = [one for one in (section.address, bound, *names, _LOOPBACK) if _is_one(one)]
    if bound == "localhost" and not section.address:
        addresses = [_LOOPBACK]
    https, *http = ports
    return Reached(addresses[0], https, http[0] if http else None)


def _is_one(text: str) -> bool:
    try:
        return not ip_address(text).is_unspecified
    except ValueError:
        return False
