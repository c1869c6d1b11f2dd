"""Services."""

from azureml.core.webservice._elsewhere import AksEndpoint, LocalWebservice, UnknownWebservice
from azureml.core.webservice.aci import AciWebservice
from azureml.core.webservice.aks import AksWebservice
from azureml.core.webservice.webservice import Webservice

__all__ = [
    "AciWebservice",
    "AksEndpoint",
    "AksWebservice",
    "LocalWebservice",
    "UnknownWebservice",
    "Webservice",
]
