"""Kinds of services that the original has, and a node has not."""

from typing import NoReturn

from azureml.core.webservice.webservice import Webservice


class UnknownWebservice(Webservice):
    """A service of a kind that is not known here."""


class AksEndpoint(Webservice):
    """Several versions under one name: not for here."""

    @staticmethod
    def deploy_configuration(*_told: object, **_more: object) -> NoReturn:
        """Raise `NotImplementedError`, which says what there is instead."""
        raise NotImplementedError("There are no endpoints here: deploy with AksWebservice.")


class LocalWebservice(Webservice):
    """A service in a container of this machine: not for here."""

    @staticmethod
    def deploy_configuration(*_told: object, **_more: object) -> NoReturn:
        """Raise `NotImplementedError`, which says what there is instead."""
        raise NotImplementedError(
            "There are no containers here: `hermetic up` is a node on this machine, and"
            " AciWebservice deploys there."
        )
