"""The face of a web node that has no workers: what is deployed runs on compute nodes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermetic.config.home import Home
from tests.support.azureml import AzureMl
from tests.support.joining import Own, network, node
from tests.support.product import PASSWORD, Product, until

pytestmark = [pytest.mark.slow, pytest.mark.system]

PACKED = """
import iniconfig

def init():
    pass

def run(data):
    return iniconfig.__name__
"""
POOL = {"Pool": {"InitialSize": 1, "MaxSize": 2}}


def joined(web: Own, place: str, folder: Path) -> list[Own]:
    """Start two compute nodes that joined *web*."""
    made = []
    for number in (2, 3):
        one = node("compute", folder / f"compute-{number}", POOL, f"{place}.{number}")
        given = web.gives(one.address)
        one.typed("node", "join", web.url, told=given["token"])
        one.start()
        web.typed("node", "add", one.url)
        made.append(one)
    until(lambda: [one["state"] for one in web.typed("node", "list")] == ["ready", "ready"])
    return made


@pytest.fixture(scope="module")
def kind() -> str:
    return "azureml-core"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Own, list[Own]]]:
    folder: Path = tmp_path_factory.mktemp("installation")
    place = network()
    web = node("web", folder / "web", {}, f"{place}.1")
    web.start()
    running = [web]
    try:
        web.typed("login", web.url, "--username", "admin", "--password-stdin", told=f"{PASSWORD}\n")
        computes = joined(web, place, folder)
        running += computes
        yield web, computes
    finally:
        for one in running:
            if one.process is not None:
                one.stop()


@pytest.fixture(scope="module")
def product(installation: tuple[Own, list[Own]]) -> Product:
    web, _ = installation
    assert web.process is not None
    return Product(web.home, web.url, web.ca, web.process, web.ready)


@pytest.fixture(scope="module")
def client(
    kind: str, product: Product, installation: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AzureMl]:
    work, address = tmp_path_factory.mktemp("client") / "work", installation[0].address
    with AzureMl(product, work, client=kind, address=address) as client:
        yield client


def test_it_runs_on_compute_nodes_and_is_called_through_tls(
    client: AzureMl, service: str, installation: tuple[Own, list[Own]]
) -> None:
    assert client.play("run", name=service, x=3)["accepted"]["got"] == {"x": 3}
    assert client.play("show", name=service)["accepted"]["uri"].startswith("https://contoso")
    assert "model.bin" in client.play("run", name=service)["accepted"]["models"]


def test_packages_are_installed_where_it_runs(
    client: AzureMl, cluster: str, installation: tuple[Own, list[Own]]
) -> None:
    deployed = client.play(
        "deploy", name="packed", on=cluster, script=PACKED, packages=["iniconfig"], num_replicas=1
    )
    assert deployed.get("accepted", {}).get("state") == "Healthy", deployed
    assert client.play("run", name="packed")["accepted"] == "iniconfig"
    web, computes = installation
    assert not Home(web.home).environments.exists()
    assert any(Home(one.home).environments.exists() for one in computes)
    assert client.play("delete", name="packed")


def test_one_compute_node_may_go(
    client: AzureMl, service: str, installation: tuple[Own, list[Own]]
) -> None:
    installation[1][0].stop()
    for _ in range(10):
        assert client.play("run", name=service, x=1)["accepted"]["got"] == {"x": 1}
    installation[1][0].start()


def test_a_forced_renewal_keeps_the_name(client: AzureMl, cluster: str, service: str) -> None:
    before = client.play("show_compute", name=cluster)["accepted"]
    renewed = client.play("update_compute", name=cluster, leaf_domain_label="contoso", renew=True)
    assert renewed["accepted"]["cname"] == before["cname"]
    assert client.play("run", name=service, x=1)["accepted"]["got"] == {"x": 1}


def test_it_outlasts_the_web_node(
    client: AzureMl, service: str, installation: tuple[Own, list[Own]]
) -> None:
    web, _ = installation
    web.stop()
    web.start()
    until(lambda: web.typed("node", "list")[0]["state"] == "ready")
    assert client.play("run", name=service, x=1)["accepted"]["got"] == {"x": 1}


def test_without_plain_http_there_is_none_without_tls(client: AzureMl) -> None:
    refused = client.play("compute", name="clear")
    assert "PlainHttp" in refused["text"]
