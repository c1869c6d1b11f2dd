"""The bodies that clients send: read liberally, and shown without secrets."""

import pytest

from hermetic.compat.azureml.messages import (
    ComputeRequest,
    KeysRequest,
    ServiceRequest,
    SslRequest,
)
from hermetic.errors import InputMismatch
from hermetic.wire.messages import decode


def test_what_is_not_known_is_ignored() -> None:
    body = b'{"location":"local","etag":"x","properties":{"computeType":"AKS","more":[1]}}'
    assert decode(body, ComputeRequest).properties.compute_type == "AKS"


def test_what_does_not_fit_is_told_by_its_place() -> None:
    with pytest.raises(InputMismatch) as refused:
        decode(b'{"name":"wine","computeType":"AKS","numReplicas":"two"}', ServiceRequest)
    assert refused.value.mismatches[0].pointer == "/numReplicas"


@pytest.mark.parametrize(
    "secretive",
    [
        SslRequest(cert="a chain", key="a key"),
        KeysRequest(primary_key="a key"),
        ServiceRequest(name="wine", compute_type="ACI", ssl_key="a key"),
    ],
)
def test_no_secret_is_shown(secretive: object) -> None:
    assert "a key" not in repr(secretive)
