"""Computes, whatever their kind."""

import builtins
from typing import TYPE_CHECKING, Protocol, Self

from azureml.core._node import Json, Refused, refusal
from azureml.core._operations import ended
from azureml.exceptions import ComputeTargetException, UserErrorException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

_RESERVED = {"amlcompute", "local", "containerinstance"}
_SERVICE = "Resource Provider"


class Wish(Protocol):
    """What a compute is to be like."""

    def validate_configuration(self) -> None:
        """Raise `ComputeTargetException` unless it fits together."""

    def body(self, workspace: "Workspace") -> Json:
        """Return what is sent."""


class ComputeTarget:
    """A compute of a workspace; the class, called, returns one of the kind it is."""

    _compute_type = "ComputeTarget"

    def __new__(cls, workspace: "Workspace", name: str) -> Self:
        """Make one of the kind it is; so far all are `AksCompute`."""
        from azureml.core.compute.aks import AksCompute

        del workspace, name
        made: Self = object.__new__(AksCompute if cls is ComputeTarget else cls)  # type: ignore[assignment]
        return made

    def __init__(self, workspace: "Workspace", name: str) -> None:
        """Find the compute *name*.

        Raises:
            ComputeTargetException: There is none (its message begins `ComputeTargetNotFound`).
        """
        self._operation = ""
        self._load(workspace, _found(workspace, name))

    def _load(self, workspace: "Workspace", body: Json) -> None:
        properties = body["properties"]
        self.workspace, self._body = workspace, body
        self.id: str = body["id"]
        self.name: str = body["name"]
        self.location: str = body["location"]
        self.tags: dict[str, str] | None = body["tags"]
        self.type: str = properties["computeType"]
        self.description: str | None = properties["description"]
        self.created_on: str | None = properties.get("createdOn")
        self.modified_on: str | None = properties.get("modifiedOn")
        self.provisioning_state: str = properties["provisioningState"]
        self.provisioning_errors: builtins.list[Json] | None = properties["provisioningErrors"]
        self.cluster_resource_id: str | None = properties["resourceId"]
        self.cluster_location: str | None = properties.get("computeLocation")
        self.is_attached: bool = properties["isAttachedCompute"]

    @staticmethod
    def create(
        workspace: "Workspace", name: str, provisioning_configuration: Wish
    ) -> "ComputeTarget":
        """Begin to create a compute.

        Raises:
            UserErrorException: The name is reserved.
            ComputeTargetException: It does not fit together, or the node refuses.
        """
        if name in _RESERVED:
            raise UserErrorException(f"{name!r} is a reserved name: choose another one.")
        return _put(workspace, name, provisioning_configuration)

    @staticmethod
    def attach(workspace: "Workspace", name: str, attach_configuration: Wish) -> "ComputeTarget":
        """Begin to attach what is there; raises as `create`."""
        return _put(workspace, name, attach_configuration)

    @staticmethod
    def list(workspace: "Workspace") -> "builtins.list[ComputeTarget]":
        """Return all computes."""
        from azureml.core.compute.aks import AksCompute

        try:
            found = workspace._of_computes("GET", "/computes").body["value"]
        except Refused as error:
            raise refusal(error, ComputeTargetException, _SERVICE) from error
        return [AksCompute.deserialize(workspace, one) for one in found]

    def refresh_state(self) -> None:
        """Read it again."""
        self._load(self.workspace, _found(self.workspace, self.name))

    def get_status(self) -> str:
        """Read it again, and return its state."""
        self.refresh_state()
        return self.provisioning_state

    def wait_for_completion(
        self, show_output: bool = False, is_delete_operation: bool = False
    ) -> None:
        """Wait for the end of what was begun.

        Args:
            show_output: Print how it ended.
            is_delete_operation: Whether it is gone then.

        Raises:
            ComputeTargetException: It failed, or nothing was begun.
        """
        if not self._operation:
            raise ComputeTargetException(
                "Nothing was begun that could be waited for: the state of the compute is"
                f" {self.provisioning_state!r}."
            )
        try:
            done = ended(self.workspace._node, self._operation) or {}
        except Refused as error:
            raise refusal(error, ComputeTargetException, _SERVICE) from error
        state = done.get("status")
        if not (is_delete_operation and state == "Succeeded"):
            self.refresh_state()
        if show_output:
            print(f'Provisioning operation finished, operation "{state}"')
        if state != "Succeeded":
            failure = done.get("error") or {}
            raise ComputeTargetException(
                f"The operation ended as {state}; the compute is {self.provisioning_state}.\n"
                f"StatusCode: {failure.get('statusCode')}\n"
                f"Message: {failure.get('code')}: {failure.get('message')}"
            )

    def delete(self) -> None:
        """Begin to delete it; raises `ComputeTargetException` for one that was attached."""
        self._remove("delete")

    def detach(self) -> None:
        """Begin to detach it: what stands behind it stays."""
        self._remove("detach")

    def _remove(self, action: str) -> None:
        self._begin("DELETE", f"/computes/{self.name}?underlyingResourceAction={action}")
        self.provisioning_state = "Deleting"

    def _begin(self, method: str, path: str, body: Json | None = None) -> None:
        try:
            self._operation = self.workspace._of_computes(method, path, body).operation
        except Refused as error:
            raise refusal(error, ComputeTargetException, _SERVICE) from error

    def serialize(self) -> Json:
        """Return it as it was read."""
        return dict(self._body)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name},"
            f" provisioning_state={self.provisioning_state}, location={self.location})"
        )


def _put(workspace: "Workspace", name: str, wish: Wish) -> ComputeTarget:
    wish.validate_configuration()
    try:
        begun = workspace._of_computes("PUT", f"/computes/{name}", wish.body(workspace))
    except Refused as error:
        raise refusal(error, ComputeTargetException, _SERVICE) from error
    made = ComputeTarget(workspace, name)
    made._operation = begun.operation
    return made


def _found(workspace: "Workspace", name: str) -> Json:
    try:
        return workspace._of_computes("GET", f"/computes/{name}").body
    except Refused as error:
        if error.status == 404:
            raise ComputeTargetException(
                f"ComputeTargetNotFound: Compute Target with name {name} not found in provided"
                " workspace"
            ) from error
        raise refusal(error, ComputeTargetException, _SERVICE) from error
