"""What scripts need beside Python: packages, and schemas that are told of."""

import pytest

from tests.support.azureml import AzureMl, uri_of

pytestmark = [pytest.mark.slow, pytest.mark.system]

SCRIPT = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import (
    StandardPythonParameterType,
)
from inference_schema.schema_decorators import input_schema, output_schema

class Factor(StandardPythonParameterType):
    def deserialize_input(self, given):
        if given == "a file":
            open("/nonexistent")
        raise Exception(f"no factor: {given}")  # as the type of pandas does

def init():
    pass

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("factor", Factor(2))
@output_schema(StandardPythonParameterType([3.0]))
def run(data, factor):
    if factor == 0:
        again(data=[1])
    if factor < 0:
        raise ValueError("not below zero")
    return (data.sum(axis=1) * factor).tolist()

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def again(data):
    return data
"""
PACKAGES = ["numpy", "inference-schema[numpy-support]"]


@pytest.fixture(scope="module")
def schooled(client: AzureMl, cluster: str) -> str:
    """A service with packages of its own, and with a schema."""
    made = client.play(
        "deploy", name="schooled", on=cluster, script=SCRIPT, packages=PACKAGES, num_replicas=1
    )
    assert made.get("accepted", {}).get("state") == "Healthy", made
    return "schooled"


def test_a_script_has_the_packages_it_asked_for(client: AzureMl, schooled: str) -> None:
    answer = client.play("run", name=schooled, data=[[1, 2], [3, 4]], factor=10)
    assert answer["accepted"] == [30.0, 70.0]
    assert "numpy" in client.play("log", name=schooled)


@pytest.mark.parametrize(
    ("inputs", "status"),
    [({"factor": 1}, 400), ({"data": [[1, 2]], "factor": 1, "more": 1}, 200)],
)
def test_inputs_are_taken_by_name(
    client: AzureMl, schooled: str, inputs: dict[str, object], status: int
) -> None:
    key = client.play("keys", name=schooled)[0]
    answer = client.play("call", uri=uri_of(client, schooled), key=key, **inputs)
    assert answer["status"] == status, answer


@pytest.mark.parametrize(
    ("data", "factor", "told"),
    [
        ([[1, 2, 3]], 1, "dimension"),
        ([[1, "two"]], 1, "two"),
        (None, 1, "expected an array"),
        ([[1, 2]], "three", "no factor: three"),
    ],
)
def test_inputs_that_do_not_fit_the_schema_are_their_senders_fault(
    client: AzureMl, schooled: str, data: object, factor: object, told: str
) -> None:
    key = client.play("keys", name=schooled)[0]
    uri = uri_of(client, schooled)
    answer = client.play("call", uri=uri, key=key, data=data, factor=factor)
    assert answer["status"] == 400, answer
    assert told in answer["body"]["message"]
    assert answer["headers"]["x-ms-run-function-failed"] == "False"


@pytest.mark.parametrize(
    ("factor", "told"), [(-1, "not below zero"), (0, "dimensions"), ("a file", "No such file")]
)
def test_what_the_script_itself_raises_is_its_own_fault(
    client: AzureMl, schooled: str, factor: object, told: str
) -> None:
    key = client.play("keys", name=schooled)[0]
    uri = uri_of(client, schooled)
    answer = client.play("call", uri=uri, key=key, data=[[1, 2]], factor=factor)
    assert answer["status"] == 502, answer
    assert told in answer["body"]["message"]
    assert told in client.play("log", name=schooled)


def test_a_schema_is_told(client: AzureMl, schooled: str) -> None:
    key = client.play("keys", name=schooled)[0]
    swagger = client.play("show", name=schooled)["accepted"]["swagger"]
    told = client.play("call", uri=swagger, key=key, method="GET")["body"]
    properties = told["definitions"]["ServiceInput"]["properties"]
    assert properties["data"]["format"] == "double" or "items" in properties["data"]
    assert set(properties) == {"data", "factor"}


def test_what_is_no_json_is_refused(client: AzureMl, schooled: str) -> None:
    key = client.play("keys", name=schooled)[0]
    headers = {"content-type": "text/csv"}
    answer = client.play("call", uri=uri_of(client, schooled), key=key, headers=headers, data=1)
    assert answer["status"] == 415


def test_what_cannot_be_installed_fails_with_the_reason(client: AzureMl, cluster: str) -> None:
    made = client.play("deploy", name="unmet", on=cluster, packages=["six==999.0"], num_replicas=1)
    assert made["accepted"]["state"] == "Failed"
    assert "six==999.0" in made["accepted"]["log"]
    refused = client.play("deploy", name="option", on=cluster, packages=["./mine.whl"])
    assert "no requirement" in refused["refused"] + refused["text"]
    client.play("delete", name="unmet")
