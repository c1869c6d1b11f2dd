"""One product and one client for all tests of a module."""

from collections.abc import Iterator

import pytest

from tests.support import azureml
from tests.support.azureml import AzureMl
from tests.support.product import Product


@pytest.fixture(scope="module", params=azureml.CLIENTS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which client it is: the original, or ours by the same names."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def product(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    del kind  # each client begins with a product of its own
    running = azureml.start(tmp_path_factory.mktemp("azureml") / "home")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(
    kind: str, product: Product, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AzureMl]:
    work = tmp_path_factory.mktemp("client") / "work"
    with AzureMl(product, work, client=kind) as client:
        yield client


@pytest.fixture(scope="module")
def cluster(client: AzureMl) -> str:
    """A compute with a certificate of its own, whose name leads there."""
    made = client.play("compute", name="cluster", ssl={"leaf_domain_label": "contoso"})
    client.resolve(made["accepted"]["cname"])
    client.play("register", name="wine")
    return "cluster"


@pytest.fixture(scope="module")
def service(client: AzureMl, cluster: str) -> str:
    deployed = client.play("deploy", name="wine", on=cluster, models=["wine"], num_replicas=1)
    assert deployed["accepted"]["state"] == "Healthy"
    return "wine"
