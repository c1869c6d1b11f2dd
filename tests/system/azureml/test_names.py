"""Names of front ends that lead to the node by themselves, with both clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import azureml, bind
from tests.support.azureml import AzureMl
from tests.support.bind import Bind

pytestmark = [pytest.mark.slow, pytest.mark.system, bind.needs_bind]

DOMAIN = "models.site.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Bind]:
    with bind.running() as running:
        yield running


@pytest.fixture(scope="module")
def named(kind: str, server: Bind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMl]:
    """A client of a product that may change the zone."""
    folder: Path = tmp_path_factory.mktemp("named")
    product = azureml.start(
        folder / "home",
        HERMETIC__AzureML__Domain=DOMAIN,
        HERMETIC__AzureML__DnsServer=f"127.0.0.1:{server.port}",
        HERMETIC__AzureML__DnsKeyFile=str(server.key_file(folder / "key")),
    )
    with AzureMl(product, folder / "work", f"hermetic.blob.{DOMAIN}", kind) as client:
        yield client
    product.stop()


def test_a_name_leads_to_the_node_for_as_long_as_it_is_its(server: Bind, named: AzureMl) -> None:
    first = named.play("compute", name="named", ssl={"leaf_domain_label": "one"})["accepted"]
    assert first["cname"].endswith(f".local.{DOMAIN}")
    assert server.addresses(first["cname"]) == {"127.0.0.1"}
    second = named.play(
        "update_compute", name="named", leaf_domain_label="two", overwrite_existing_domain=True
    )["accepted"]
    assert server.addresses(second["cname"]) == {"127.0.0.1"}
    assert server.addresses(first["cname"]) == set()
    assert named.play("remove_compute", name="named", how="delete")["accepted"] == []
    assert server.addresses(second["cname"]) == set()
