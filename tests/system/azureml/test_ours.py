"""What our client for Azure ML's names can beside the original: no variables, and one more option."""

import re
from collections.abc import Iterator

import pytest

from tests.support.azureml import AzureMl
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

CLEAR = """
import warnings
from azureml.core import Environment, Workspace
from azureml.core.compute import ComputeTarget
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AksWebservice

ws = Workspace()
config = AksWebservice.deploy_configuration(num_replicas=1, ssl_enabled=False)
script = InferenceConfig("score.py", source_directory="source", environment=Environment("plain"))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    service = Model.deploy(ws, "clear", [], script, config, ComputeTarget(ws, "cluster"))
    service.wait_for_deployment(show_output=True)
print(*(one.message for one in told))
print(service.scoring_uri)
"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "hermetic-azureml"


@pytest.fixture(scope="module")
def client(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMl]:
    """A client that knows nothing but who logged in, to which the storage does not resolve."""
    work = tmp_path_factory.mktemp("client") / "work"
    with AzureMl(product, work, "nowhere.test", "hermetic-azureml", by_login=True) as client:
        yield client


def test_who_logged_in_deploys_and_calls(client: AzureMl, service: str) -> None:
    assert client.play("run", name=service, x=1)["accepted"]["got"] == {"x": 1}
    assert client.play("download", name="wine") == "a model"


def test_one_deployment_is_left_without_tls_and_said_to_be(client: AzureMl, service: str) -> None:
    told = client.play("verbatim", source=CLEAR)
    assert 'AKS service creation operation finished, operation "Succeeded"' in told
    assert "clear goes without TLS" in told
    assert re.search(r"^http://127\.0\.0\.1:\d+/api/v1/service/clear/score$", told, re.M)
    assert client.play("show", name=service)["accepted"]["uri"].startswith("https://")


def test_what_is_not_there_says_what_is(client: AzureMl) -> None:
    for name, instead in (("LocalWebservice", "hermetic up"), ("AksEndpoint", "AksWebservice")):
        source = (
            f"from azureml.core.webservice import {name}\n"
            f"try:\n    {name}.deploy_configuration()\n"
            "except NotImplementedError as error:\n    print(error)\n"
        )
        assert instead in client.play("verbatim", source=source)


def test_no_other_host_was_looked_up(client: AzureMl) -> None:
    asked = set(client.play("looked_up"))
    assert {one for one in asked if not re.match(r"contoso[a-z0-9]{6}\.local\.", one)} <= {
        "localhost",
        "127.0.0.1",
    }
