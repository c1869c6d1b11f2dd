"""The names of `azureml-core` that Hermetic answers to, written anew."""

from azureml.core.compute import ComputeTarget
from azureml.core.environment import Environment
from azureml.core.model import Model
from azureml.core.webservice import Webservice
from azureml.core.workspace import Workspace

VERSION = "1.61.0"

__all__ = ["VERSION", "ComputeTarget", "Environment", "Model", "Webservice", "Workspace"]
