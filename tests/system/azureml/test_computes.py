"""What both clients do with computes and what is deployed on them."""

import re
from pathlib import Path

import pytest

from tests.support import azureml
from tests.support.azureml import AzureMl, handshake, serial, uri_of
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

NAME = r"[a-z0-9]{6}\.local\.hermetic\.internal\Z"


def test_a_label_is_all_it_takes_for_tls(client: AzureMl, cluster: str) -> None:
    seen = client.play("show_compute", name=cluster)["accepted"]
    assert seen["state"] == "Succeeded"
    assert seen["status"] == "Auto"
    assert seen["label"] == "contoso"
    assert re.match(f"contoso{NAME}", seen["cname"])
    assert seen["address"] == "127.0.0.1"
    assert seen["attached"] is False


def test_what_is_deployed_there_is_called_through_tls(
    client: AzureMl, product: Product, service: str
) -> None:
    uri = uri_of(client, service)
    assert re.match(rf"https://contoso{NAME[:-2]}:{product.port}/api/v1/service/wine/score", uri)
    answer = client.play("run", name=service, x=3)["accepted"]
    assert answer["got"] == {"x": 3}
    assert answer["models"] == ["model.bin"]


def test_it_is_not_answered_in_clear_at_that_port(
    client: AzureMl, product: Product, service: str
) -> None:
    answer = client.play("call", uri=f"http://127.0.0.1:{product.port}/api/v1/service/wine/score")
    assert answer["status"] == 400
    assert "TLS" in str(answer["body"])


def test_one_deployment_may_go_without(client: AzureMl, cluster: str, service: str) -> None:
    tags = {"azureml.sslEnabled": "false"}
    clear = client.play("deploy", name="clear", on=cluster, num_replicas=1, tags=tags)["accepted"]
    assert clear["state"] == "Healthy", clear
    assert re.match(r"http://127\.0\.0\.1:\d+/api/v1/service/clear/score\Z", clear["uri"])
    assert client.play("run", name="clear", x=1)["accepted"]["got"] == {"x": 1}
    assert uri_of(client, service).startswith("https://")
    assert "without TLS" in client.play("log", name="clear")
    assert client.play("delete", name="clear") == ["wine"]


def test_an_attached_compute_is_detached_and_never_deleted(client: AzureMl, cluster: str) -> None:
    ssl = {"leaf_domain_label": "attached"}
    made = client.play("compute", name="attached", attach="hermetic", ssl=ssl)["accepted"]
    assert made["attached"] is True
    assert made["cluster"].endswith("/managedClusters/hermetic")
    assert made["status"] == "Auto"
    deleted = client.play("remove_compute", name="attached", how="delete")
    assert deleted["refused"] == "ComputeTargetException"
    assert client.play("computes") == ["attached", cluster]
    assert client.play("remove_compute", name="attached", how="detach")["accepted"] == [cluster]


def test_no_other_cluster_can_be_attached(client: AzureMl) -> None:
    other = client.play("compute", name="other", attach="somebody-elses")
    assert "AzureML.Cluster" in other["text"]


def test_a_compute_is_created_once(client: AzureMl, cluster: str) -> None:
    again = client.play("compute", name=cluster, ssl={"leaf_domain_label": "again"})
    assert again["refused"] == "ComputeTargetException"
    assert "409" in again["text"]


def test_another_name_for_the_same_address_is_not_believed(
    client: AzureMl, product: Product, service: str
) -> None:
    client.resolve("elsewhere.example.test")
    uri = f"https://elsewhere.example.test:{product.port}/api/v1/service/wine/score"
    assert "ssl" in client.play("call", uri=uri)


@pytest.mark.parametrize(
    ("version", "works"),
    [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)],
)
def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(
    client: AzureMl, product: Product, cluster: str, version: str, works: bool
) -> None:
    host = client.play("show_compute", name=cluster)["accepted"]["cname"]
    said = handshake(product, host, version, "-cipher", "ALL:@SECLEVEL=0")
    assert ("Cipher is (NONE)" not in said) is works


def test_a_forced_renewal_keeps_the_name(client: AzureMl, product: Product, cluster: str) -> None:
    before = client.play("show_compute", name=cluster)["accepted"]
    old = serial(product, before["cname"])
    renewed = client.play(
        "update_compute",
        name=cluster,
        leaf_domain_label="contoso",
        overwrite_existing_domain=True,
        renew=True,
    )
    assert renewed["accepted"]["cname"] == before["cname"]
    assert serial(product, before["cname"]) != old


def test_a_label_is_replaced_only_on_demand(client: AzureMl, product: Product) -> None:
    first = client.play("compute", name="labelled", ssl={"leaf_domain_label": "one"})["accepted"]
    refused = client.play("update_compute", name="labelled", leaf_domain_label="two")
    assert "409" in refused["text"]
    assert client.play("show_compute", name="labelled")["accepted"]["cname"] == first["cname"]
    second = client.play(
        "update_compute", name="labelled", leaf_domain_label="two", overwrite_existing_domain=True
    )["accepted"]
    assert re.match(f"two{NAME}", second["cname"])
    assert "unrecognized name" in handshake(product, first["cname"])
    client.play("remove_compute", name="labelled", how="delete")


def test_tls_that_was_disabled_comes_back_under_the_same_name(
    client: AzureMl, cluster: str, service: str
) -> None:
    before = client.play("show_compute", name=cluster)["accepted"]
    off = client.play("update_compute", name=cluster, status="Disabled")["accepted"]
    assert off["status"] == "Disabled"
    assert re.match(r"http://127\.0\.0\.1:\d+/api/v1/service/wine/score", uri_of(client, service))
    assert client.play("run", name=service, x=1)["accepted"]["got"] == {"x": 1}
    renewing = client.play("update_compute", name=cluster, renew=True)
    assert renewing["refused"] == "ComputeTargetException"
    on = client.play("update_compute", name=cluster, leaf_domain_label="contoso")["accepted"]
    assert on["cname"] == before["cname"]


def test_a_script_that_cannot_be_loaded_says_why(client: AzureMl, cluster: str) -> None:
    script = (
        "def init():\n    raise ValueError('no model there')\ndef run(data):\n    return data\n"
    )
    failed = client.play("deploy", name="broken", on=cluster, script=script, num_replicas=1)
    assert failed["accepted"]["state"] == "Failed"
    assert "no model there" in failed["accepted"]["text"]
    assert "line 2, in init" in failed["accepted"]["log"]
    mended = client.play("deploy", name="broken", on=cluster, num_replicas=1, overwrite=True)
    assert mended["accepted"]["state"] == "Healthy", mended
    assert "broken" not in client.play("delete", name="broken")


def test_models_are_registered_told_of_and_fetched(client: AzureMl) -> None:
    first = client.play("register", name="told", content="the first")
    second = client.play("register", name="told", content="the second")
    assert (first["id"], second["id"]) == ("told:1", "told:2")
    assert client.play("download", name="told") == "the second"
    told = client.play("tell_model", name="told")
    assert told["tags"] == {"a": "b", "more": "1"}
    assert told["properties"] == {"once": "1"}
    assert told["description"] == "what it is"
    assert told["again"]["refused"] == "WebserviceException"


def test_no_name_is_looked_up_but_ours(client: AzureMl, service: str) -> None:
    ours = {"localhost", "127.0.0.1", azureml.STORAGE}
    found = set(client.play("looked_up")) - ours
    assert all(
        re.match(f"(contoso|attached){NAME}", one) for one in found - {"elsewhere.example.test"}
    )


def test_nothing_secret_is_in_the_log(product: Product, client: AzureMl, service: str) -> None:
    primary, secondary = client.play("keys", name=service)
    log = Path(product.home.parent / f"{product.home.name}.stderr").read_text()
    for secret in (primary, secondary, "PRIVATE KEY", "sig="):
        assert secret not in log
