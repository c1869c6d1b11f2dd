"""Deploying: what has to fit together before anything is sent."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from azureml.core._inference import InferenceConfig
from azureml.core._node import Refused, refusal
from azureml.exceptions import UserErrorException, WebserviceException

if TYPE_CHECKING:
    from azureml.core.compute import ComputeTarget
    from azureml.core.model import Model
    from azureml.core.webservice import Webservice
    from azureml.core.workspace import Workspace

_NAME = re.compile(r"[a-z](?:[-a-z0-9]{1,30}[a-z0-9])\Z")


def deployed(
    workspace: "Workspace",
    name: str,
    models: "Sequence[Model]",
    inference: InferenceConfig | None,
    wish: Any,  # of either kind
    target: "ComputeTarget | None",
    *,
    overwrite: bool,
) -> "Webservice":
    """Begin to deploy; as `Model.deploy`."""
    from azureml.core.webservice import AciWebservice, AksWebservice, Webservice

    if not _NAME.match(name):
        raise WebserviceException(
            f"{name!r} cannot be a service's name: 3 to 32 of a-z, 0-9 and -, beginning with a"
            " letter and not ending with -."
        )
    if inference is None:
        raise UserErrorException("Give an inference_config: nothing is deployed without a script.")
    if wish is None:
        kind = AksWebservice if target is not None else AciWebservice
        wish = kind.deploy_configuration()
    compute = getattr(wish, "compute_target_name", None) or getattr(target, "name", None)
    wish.validate_configuration()
    try:
        body = wish.body(name, compute, inference.send(workspace, models))
        if overwrite:
            body["overwrite"] = True
        begun = workspace._of_services("POST", "/services", body)
    except Refused as error:
        raise refusal(error, WebserviceException, "Model Management Service") from error
    made = Webservice(workspace, name)
    made._follow(begun.operation)
    return made
