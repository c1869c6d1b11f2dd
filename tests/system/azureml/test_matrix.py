"""What both clients take and what they refuse by themselves, row for row of the same table."""

from typing import Any

import pytest

from tests.support.azureml import AzureMl

pytestmark = [pytest.mark.slow, pytest.mark.system]

REFUSED, ACCEPTED = "ComputeTargetException", None
OWN = {"ssl_cname": "c", "ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem"}
LABEL = {"leaf_domain_label": "contoso"}
FLAG = {"overwrite_existing_domain": True}
CLUSTER = {"resource_group": "g", "cluster_name": "c"}
NETWORK = {
    "vnet_name": "v",
    "vnet_resourcegroup_name": "g",
    "subnet_name": "s",
    "service_cidr": "10.0.0.0/16",
    "dns_service_ip": "10.0.0.10",
    "docker_bridge_cidr": "172.17.0.1/16",
}
ID = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/c"
INTERNAL = {"load_balancer_type": "InternalLoadBalancer"}

Row = tuple[str, dict[str, Any], str | None]


def without(known: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in known.items() if key != name}


CREATED: list[Row] = [
    ("nothing", {"steps": [{}]}, ACCEPTED),
    ("the flag alone", {"steps": [FLAG]}, ACCEPTED),
    *[(f"own without {one}", {"steps": [without(OWN, one)]}, REFUSED) for one in OWN],
    *[(f"only {one}", {"steps": [{one: OWN[one]}]}, REFUSED) for one in OWN],
    ("own", {"steps": [OWN]}, ACCEPTED),
    ("a label", {"steps": [LABEL]}, ACCEPTED),
    ("a label and the flag", {"steps": [LABEL | FLAG]}, ACCEPTED),
    ("own and a label", {"steps": [OWN | LABEL]}, REFUSED),
    ("own and the flag", {"steps": [OWN | FLAG]}, REFUSED),
    ("a label, then own", {"steps": [LABEL, OWN]}, REFUSED),
    ("own in the constructor", {"steps": [], **OWN}, ACCEPTED),
    ("half of it there", {"steps": [], "ssl_cname": "c"}, REFUSED),
    ("a negative count", {"steps": [], "agent_count": -1}, REFUSED),
    ("a count of nothing", {"steps": [], "agent_count": 0}, ACCEPTED),
    ("a network", {"steps": [], **NETWORK}, ACCEPTED),
    *[
        (f"a network without {one}", {"steps": [], **without(NETWORK, one)}, REFUSED)
        for one in NETWORK
    ],
    ("any balancer", {"steps": [], "load_balancer_type": "Other"}, ACCEPTED),
]
ATTACHED: list[Row] = [
    ("by name", {"steps": [], **CLUSTER}, ACCEPTED),
    ("by id", {"steps": [], "resource_id": ID}, ACCEPTED),
    ("nothing", {"steps": []}, REFUSED),
    *[(f"without {one}", {"steps": [], **without(CLUSTER, one)}, REFUSED) for one in CLUSTER],
    *[
        (f"id and {one}", {"steps": [], "resource_id": ID, one: CLUSTER[one]}, REFUSED)
        for one in CLUSTER
    ],
    ("a short id", {"steps": [], "resource_id": ID.rpartition("/")[0]}, REFUSED),
    ("a long id", {"steps": [], "resource_id": f"{ID}/more"}, REFUSED),
    ("a strange id", {"steps": [], "resource_id": ID.replace("Container", "Other")}, REFUSED),
    ("a balancer", {"steps": [], **CLUSTER, **INTERNAL}, ACCEPTED),
    ("a strange balancer", {"steps": [], **CLUSTER, "load_balancer_type": "Other"}, REFUSED),
    ("its subnet", {"steps": [], **CLUSTER, **INTERNAL, "load_balancer_subnet": "s"}, ACCEPTED),
    (
        "a public one's subnet",
        {
            "steps": [],
            **CLUSTER,
            "load_balancer_type": "PublicIp",
            "load_balancer_subnet": "s",
        },
        REFUSED,
    ),
    ("nobody's subnet", {"steps": [], **CLUSTER, "load_balancer_subnet": "s"}, REFUSED),
    ("with a label", {"steps": [LABEL], **CLUSTER}, ACCEPTED),
    ("own and a label", {"steps": [OWN | LABEL], **CLUSTER}, REFUSED),
]
TLS = {"cname": "c", "cert": "c", "key": "k"}
CHANGED: list[Row] = [
    *[(f"without {one}", without(TLS, one), REFUSED) for one in TLS],
    ("own and a label", TLS | LABEL, REFUSED),
    ("own and the flag", TLS | FLAG, REFUSED),
    ("a public subnet", {"balancer": ("PublicIp", "s")}, REFUSED),
    ("a subnet alone", {"balancer": (None, "s")}, ACCEPTED),
    ("no such status", {"status": "Bogus"}, ACCEPTED),
    ("a status alone", {"status": "Enabled"}, ACCEPTED),
    ("nothing to renew", {"renew": True}, REFUSED),
    ("nothing to renew, with a label", {"renew": True, **LABEL}, REFUSED),
]
WEB = "WebserviceException"
LIMITS = {"cpu_cores": 2, "cpu_cores_limit": 1}
ON_A_COMPUTE: list[Row] = [
    ("nothing", {}, ACCEPTED),
    ("no cpu", {"cpu_cores": 0}, WEB),
    ("negative memory", {"memory_gb": -1}, WEB),
    ("no gpu", {"gpu_cores": 0}, ACCEPTED),
    ("negative gpu", {"gpu_cores": -1}, WEB),
    ("no replica", {"num_replicas": 0}, WEB),
    ("a negative wait", {"max_request_wait_time": -1}, WEB),
    ("no timeout", {"scoring_timeout_ms": 0}, WEB),
    ("a low limit", LIMITS, WEB),
    ("a low limit of memory", {"memory_gb": 2, "memory_gb_limit": 1}, WEB),
    ("a namespace", {"namespace": "a-b"}, ACCEPTED),
    ("a strange namespace", {"namespace": "A_b"}, WEB),
    ("a namespace's end", {"namespace": "a-"}, WEB),
    ("scaled", {"autoscale_enabled": True}, ACCEPTED),
    ("scaled and fixed", {"autoscale_enabled": True, "num_replicas": 1}, WEB),
    ("neither", {"autoscale_enabled": False}, WEB),
    ("fixed", {"autoscale_enabled": False, "num_replicas": 1}, ACCEPTED),
    ("scaled by default", {"autoscale_max_replicas": 3}, WEB),
    ("scaled though not", {"autoscale_enabled": False, "autoscale_max_replicas": 3}, WEB),
    (
        "upside down",
        {"autoscale_enabled": True, "autoscale_min_replicas": 3, "autoscale_max_replicas": 2},
        WEB,
    ),
    ("keys and tokens", {"auth_enabled": True, "token_auth_enabled": True}, WEB),
    ("tokens", {"auth_enabled": False, "token_auth_enabled": True}, ACCEPTED),
    ("tokens alone", {"token_auth_enabled": True}, ACCEPTED),
]
BY_ITSELF: list[Row] = [
    ("nothing", {}, ACCEPTED),
    ("no cpu", {"cpu_cores": 0}, WEB),
    ("no memory", {"memory_gb": 0}, WEB),
    ("tls", {"ssl_enabled": True, **OWN}, ACCEPTED),
    *[(f"tls without {one}", {"ssl_enabled": True, **without(OWN, one)}, WEB) for one in OWN],
    ("tls of no file", {"ssl_enabled": True, **OWN, "ssl_key_pem_file": "none.pem"}, WEB),
    ("no tls", {"ssl_enabled": False, **OWN}, ACCEPTED),
    ("half a vault", {"cmk_key_name": "k"}, WEB),
    ("half a network", {"vnet_name": "v"}, WEB),
]


def outcome(answer: dict[str, Any]) -> str | None:
    return answer.get("refused") or answer.get("raised")


def rows(table: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("arguments", "expected"), [row[1:] for row in table], ids=[row[0] for row in table]
    )


@pytest.fixture(scope="module")
def at_work(client: AzureMl) -> AzureMl:
    """A client with files that are looked for, and with a compute without TLS."""
    for name in ("cert.pem", "key.pem"):
        (client.work / name).write_text("-----BEGIN NOTHING-----")
    assert client.play("compute", name="plain")["accepted"]["status"] == "Disabled"
    return client


@rows(CREATED)
def test_creating(at_work: AzureMl, arguments: dict[str, Any], expected: str | None) -> None:
    assert outcome(at_work.play("wish", **arguments)) == expected


@rows(ATTACHED)
def test_attaching(at_work: AzureMl, arguments: dict[str, Any], expected: str | None) -> None:
    assert outcome(at_work.play("wish", attach=True, **arguments)) == expected


@rows(CHANGED)
def test_changing(at_work: AzureMl, arguments: dict[str, Any], expected: str | None) -> None:
    at_work.play("sent")
    assert outcome(at_work.play("update_compute", name="plain", **arguments)) == expected
    assert ("PUT" in [one[0] for one in at_work.play("sent")]) is (expected is None)


@rows(ON_A_COMPUTE)
def test_deploying_on_a_compute(
    at_work: AzureMl, arguments: dict[str, Any], expected: str | None
) -> None:
    assert outcome(at_work.play("deployment_wish", kind="AKS", **arguments)) == expected


@rows(BY_ITSELF)
def test_deploying_by_itself(
    at_work: AzureMl, arguments: dict[str, Any], expected: str | None
) -> None:
    assert outcome(at_work.play("deployment_wish", kind="ACI", **arguments)) == expected


@pytest.mark.parametrize("name", ["amlcompute", "local", "containerinstance"])
def test_a_reserved_name(at_work: AzureMl, name: str) -> None:
    assert outcome(at_work.play("compute", name=name)) == "UserErrorException"


def test_a_compute_that_is_not_there(at_work: AzureMl) -> None:
    gone = at_work.play("show_compute", name="gone")
    assert outcome(gone) == REFUSED
    assert "ComputeTargetNotFound" in gone["text"]
    assert outcome(at_work.play("update_compute", name="gone", status="Disabled")) == REFUSED


def test_a_file_that_is_not_there_is_missed_when_it_is_sent(at_work: AzureMl) -> None:
    at_work.play("sent")
    missing = OWN | {"ssl_key_pem_file": "none.pem"}
    refused = at_work.play("compute", name="missing", ssl=missing)
    assert outcome(refused) == REFUSED
    assert "none.pem" in refused["text"]
    assert "PUT" not in [one[0] for one in at_work.play("sent")]


def test_a_compute_that_was_found_has_nothing_to_wait_for(at_work: AzureMl) -> None:
    waited = at_work.play("wait_for_found", name="plain")
    assert outcome(waited) == REFUSED
    assert "Succeeded" in waited["text"]


@pytest.mark.parametrize("name", ["Ab", "a", "1ab", "ab-", "a" * 33])
def test_a_name_that_no_service_can_have(at_work: AzureMl, name: str) -> None:
    at_work.play("sent")
    assert outcome(at_work.play("deploy", name=name)) == WEB
    assert not any(one[1].endswith("/services") for one in at_work.play("sent"))


def test_a_service_that_is_not_there(at_work: AzureMl) -> None:
    gone = at_work.play("show", name="gone")
    assert outcome(gone) == WEB
    assert "WebserviceNotFound" in gone["text"]
