"""The one workspace of an installation, as Azure's resource manager names things, and its addresses.

Pure: what a request was sent to comes in, so that addresses lead to where the client already is.
"""

import re
from dataclasses import dataclass

_PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
_ROOM = r"(?:/(?P<room>rp/workspaces|modelmanagement/v1\.0|artifact/v2\.0))?"
_PATH = re.compile(
    rf"{_ROOM}/+subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/"
    rf"{re.escape(_PROVIDER)}/(?P<name>[^/]+)(?P<rest>/.*)?\Z",
    re.IGNORECASE,
)
_ROOMS = {None: "arm", "rp/workspaces": "rp", "modelmanagement/v1.0": "mms", "artifact/v2.0": "art"}


@dataclass(frozen=True)
class Workspace:
    """A workspace: its names, and where the names of its front ends and of its storage lie.

    Args:
        subscription: A GUID.
        group: The resource group.
        region: The one location there is.
        domain: The DNS domain below which all names of ours lie.
        cluster: The name by which a compute attaches what this installation runs on.
    """

    subscription: str
    group: str
    name: str
    region: str
    domain: str
    tenant: str
    cluster: str
    account: str = "hermetic"

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/{_PROVIDER}/{self.name}"

    @property
    def storage_host(self) -> str:
        """The host name files are sent to; the client insists on the second label."""
        return f"{self.account}.blob.{self.domain}"

    def part(self, path: str) -> str | None:
        """Return what of this workspace *path* means, as `/<room>/…`; `None` if it is another's.

        The rooms are `arm`, `rp`, `mms` and `art`, by the prefixes that the services had.
        """
        found = _PATH.match(path)
        if found is None:
            return None
        named = (found["subscription"], found["group"], found["name"])
        ours = (self.subscription, self.group, self.name)
        if tuple(map(str.lower, named)) != tuple(map(str.lower, ours)):
            return None
        room = found["room"]
        return f"/{_ROOMS[room and room.lower()]}{found['rest'] or ''}"


def is_of_a_workspace(path: str) -> bool:
    """Whether *path* has the form of an address of some workspace."""
    return _PATH.match(path) is not None


@dataclass(frozen=True)
class Reached:
    """How clients reach what is deployed: the address names lead to, and the ports there.

    `http_port` is `None` where nothing is answered without TLS.
    """

    address: str
    https_port: int
    http_port: int | None = None


@dataclass(frozen=True)
class Base:
    """What a request was sent to, from which the addresses in its answer are made."""

    scheme: str
    host: str

    @property
    def url(self) -> str:
        """The address of this node, without a slash at its end."""
        return f"{self.scheme}://{self.host}"

    def storage(self, workspace: Workspace) -> str:
        """Return the address files are sent to."""
        _, colon, port = (
            self.host.partition("]")[2].partition(":")
            if "]" in self.host
            else (self.host.partition(":"))
        )
        return f"https://{workspace.storage_host}{colon}{port}"
