"""Computes on the wire: bodies as azureml-core 1.61 sends them."""

from typing import Any

import pytest

from hermetic.errors import CertificateRejected
from tests.compat.azureml.conftest import MMS, SERVICE, WORKSPACE, Desk

AUTO = {"status": "Auto", "leafDomainLabel": "contoso"}
ONE = "{W}/computes/cluster"
READ = "/rp/workspaces{W}/computes/cluster"
CLUSTER = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/"


def wished(ssl: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    inner = {**({"sslConfiguration": ssl} if ssl else {}), **more}
    return {"location": "local", "properties": {"computeType": "AKS", "properties": inner}}


def ssl_of(told: dict[str, Any]) -> dict[str, Any]:
    ssl: dict[str, Any] = told["properties"]["properties"]["sslConfiguration"]
    return ssl


def agents_of(desk: Desk) -> float:
    agents = desk.deck.computes.agents.of("cluster")
    assert agents is not None
    return agents.most


async def test_a_compute_is_read_as_its_client_wants_it(desk: Desk) -> None:
    await desk.create()
    told = (await desk.ask("GET", READ)).json
    properties = told["properties"]
    assert told["id"] == f"{WORKSPACE.id}/computes/cluster"
    assert properties["provisioningState"] == "Succeeded"
    assert properties["isAttachedCompute"] is False
    inner = properties["properties"]
    assert {"loadBalancerType", "loadBalancerSubnet", "sslConfiguration"} <= set(inner)
    (front,) = inner["systemServices"]
    assert front["publicIpAddress"] == "10.0.0.7"
    assert ssl_of(told)["cname"].startswith("contoso")
    assert ssl_of(told)["key"] is ssl_of(told)["cert"] is None
    listed = (await desk.ask("GET", "/rp/workspaces{W}/computes")).json
    assert listed == {"value": [told]}


async def test_what_is_read_may_be_sent_back(desk: Desk) -> None:
    await desk.create()
    told = (await desk.ask("GET", READ)).json
    del told["properties"]["properties"]["sslConfiguration"]
    await desk.ended(await desk.ask("PUT", ONE, told))
    again = (await desk.ask("GET", READ)).json
    assert ssl_of(again)["status"] == "Auto"


async def test_a_renewal_keeps_the_name_and_changes_the_certificate(desk: Desk) -> None:
    await desk.create()
    before = desk.deck.computes.find("cluster")
    told = (await desk.ask("GET", READ)).json
    ssl_of(told)["renew"] = True
    await desk.ended(await desk.ask("PUT", ONE, told))
    after = desk.deck.computes.find("cluster")
    assert after.tls == before.tls
    assert after.credential != before.credential


async def test_disabled_tls_still_has_all_its_members(desk: Desk) -> None:
    await desk.create()
    told = (await desk.ask("GET", READ)).json
    told["properties"]["properties"]["sslConfiguration"] = {"status": "Disabled"}
    await desk.ended(await desk.ask("PUT", ONE, told))
    ssl = ssl_of((await desk.ask("GET", READ)).json)
    assert ssl["status"] == "Disabled"
    assert ssl["leafDomainLabel"] is ssl["cname"] is None


async def test_a_cluster_of_ours_is_attached(desk: Desk) -> None:
    body = wished({"status": "Auto", "leafDomainLabel": "a"})
    body["properties"]["resourceId"] = f"{CLUSTER}Hermetic"
    await desk.ended(await desk.ask("PUT", ONE, body))
    told = (await desk.ask("GET", READ)).json
    assert told["properties"]["isAttachedCompute"] is True
    refused = await desk.ask("DELETE", f"{ONE}?underlyingResourceAction=delete")
    assert refused.status == 400
    await desk.ended(await desk.ask("DELETE", f"{ONE}?underlyingResourceAction=detach"))
    assert (await desk.ask("GET", READ)).status == 404


@pytest.mark.parametrize("resource", [f"{CLUSTER}other", "hermetic", "/a/b/c/d/e/f/g/hermetic"])
async def test_nothing_else_is_attached(desk: Desk, resource: str) -> None:
    body = wished()
    body["properties"]["resourceId"] = resource
    assert (await desk.ask("PUT", ONE, body)).status == 400


async def test_what_is_asked_for_is_told(desk: Desk) -> None:
    ssl = {"status": "Auto", "leafDomainLabel": "a"}
    more = {"agentCount": 2, "agentVmSize": "small", "clusterPurpose": "DevTest"}
    await desk.ended(await desk.ask("PUT", ONE, wished(ssl, **more)))
    inner = (await desk.ask("GET", READ)).json["properties"]["properties"]
    assert {name: inner[name] for name in more} == more
    assert agents_of(desk) == 2


async def test_agents_are_changed_by_a_put(desk: Desk) -> None:
    ssl = {"status": "Auto", "leafDomainLabel": "a"}
    await desk.ended(await desk.ask("PUT", ONE, wished(ssl)))
    assert agents_of(desk) == 3
    body = (await desk.ask("GET", READ)).json
    body["properties"]["properties"] = {"agentCount": 5}
    await desk.ended(await desk.ask("PUT", ONE, body))
    assert agents_of(desk) == 5
    body["properties"]["properties"] = {"agentCount": 0}
    assert (await desk.ask("PUT", ONE, body)).status == 400
    assert agents_of(desk) == 5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (wished({"status": "Auto", "leafDomainLabel": "-"}), "BadInput"),
        (wished({"status": "Bogus"}), "BadInput"),
        (
            wished({"status": "Enabled", "cname": "a.b", "cert": "x", "key": "y"}),
            "not-a-certificate",
        ),
        ({"properties": {"computeType": "AmlCompute"}}, "BadInput"),
        ({"properties": {}}, "InputMismatch"),
        (b"{", "MalformedBody"),
    ],
)
async def test_a_mistake_has_a_code_and_makes_nothing(desk: Desk, body: object, code: str) -> None:
    refused = await desk.ask("PUT", ONE, body)
    assert refused.status == 400
    assert refused.code == code
    assert (await desk.ask("GET", READ)).status == 404


async def test_there_is_no_kubernetes_to_speak_to(desk: Desk) -> None:
    await desk.create()
    told = (await desk.ask("POST", f"{ONE}/listKeys")).json
    assert told["computeType"] == "AKS"
    assert told["userKubeConfig"] == ""


async def test_an_unknown_operation_is_not_found(desk: Desk) -> None:
    assert (await desk.ask("GET", "{W}/computeOperations/none")).status == 404


async def test_what_could_not_be_created_is_read_with_the_reason(desk: Desk) -> None:
    desk.deck.issuer.failing = CertificateRejected("not-proved", "That it is ours is not proved.")
    ended = await desk.ended(await desk.ask("PUT", ONE, wished(AUTO)))
    assert ended.json["status"] == "Failed"
    assert ended.json["error"]["code"] == "not-proved"
    properties = (await desk.ask("GET", READ)).json["properties"]
    assert properties["provisioningState"] == "Failed"
    (told,) = properties["provisioningErrors"]
    assert told["error"]["message"] == "That it is ours is not proved."
    await desk.deck.sources()
    assert (await desk.ask("POST", f"{MMS}/services", SERVICE)).status == 409
    desk.deck.issuer.failing = None
    await desk.create()
    properties = (await desk.ask("GET", READ)).json["properties"]
    assert (properties["provisioningState"], properties["provisioningErrors"]) == (
        "Succeeded",
        None,
    )


async def test_one_is_read_while_it_is_created(desk: Desk) -> None:
    desk.deck.issuer.hangs = True
    assert (await desk.ask("PUT", ONE, wished(AUTO))).status == 201
    told = (await desk.ask("GET", READ)).json
    assert told["properties"]["provisioningState"] == "Creating"
    await desk.deck.operations.stop(within_s=0)
