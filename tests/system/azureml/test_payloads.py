"""What our client sends is what azureml-core sends, member for member."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import azureml
from tests.support.azureml import AzureMl
from tests.support.certificates import hierarchy

pytestmark = [pytest.mark.slow, pytest.mark.system]

HOST = "www.contoso.test"
OWN = {"ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem", "ssl_cname": HOST}
NETWORK = {
    "vnet_resourcegroup_name": "group",
    "vnet_name": "network",
    "subnet_name": "subnet",
    "service_cidr": "10.0.0.0/16",
    "dns_service_ip": "10.0.0.10",
    "docker_bridge_cidr": "172.17.0.1/16",
}
SIZED = {
    "agent_count": 2,
    "vm_size": "Standard_D2_v2",
    "location": "eastus",
    "cluster_purpose": "DevTest",
    "load_balancer_type": "InternalLoadBalancer",
    "load_balancer_subnet": "s",
}
SCALED = {
    "autoscale_enabled": True,
    "autoscale_min_replicas": 1,
    "autoscale_max_replicas": 2,
    "autoscale_refresh_seconds": 3,
    "autoscale_target_utilization": 50,
    "collect_model_data": False,
    "auth_enabled": True,
    "cpu_cores": 0.2,
    "memory_gb": 0.6,
    "enable_app_insights": False,
    "scoring_timeout_ms": 3000,
    "replica_max_concurrent_requests": 2,
    "max_request_wait_time": 300,
    "tags": {"a": "b"},
    "properties": {"c": "d"},
    "description": "what it is",
    "gpu_cores": 0,
    "period_seconds": 3,
    "initial_delay_seconds": 2,
    "timeout_seconds": 2,
    "success_threshold": 1,
    "failure_threshold": 3,
    "namespace": "ours",
    "cpu_cores_limit": 0.5,
    "memory_gb_limit": 1,
}
KEYS = {"primary_key": "p" * 32, "secondary_key": "s" * 32}
CLOUD = {
    "cmk_vault_base_url": "u",
    "cmk_key_name": "k",
    "cmk_key_version": "v",
    "vnet_name": "network",
    "subnet_name": "subnet",
}

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("register", {"name": "wine", "path": "out/deep/model.bin", "tags": None}),
    (
        "register",
        {
            "name": "wine",
            "description": "red",
            "properties": {"p": "q"},
            "model_framework": "ScikitLearn",
            "model_framework_version": "1.0",
        },
    ),
    ("tell_model", {"name": "wine"}),
    ("compute", {"name": "plain"}),
    ("compute", {"name": "sized", **SIZED}),
    ("compute", {"name": "netted", **NETWORK}),
    ("compute", {"name": "labelled", "ssl": {"leaf_domain_label": "contoso"}}),
    ("compute", {"name": "flagged", "ssl": {"overwrite_existing_domain": True}}),
    ("compute", {"name": "own", "ssl": OWN}),
    ("compute", {"name": "attached", "attach": "hermetic"}),
    (
        "compute",
        {
            "name": "sealed",
            "attach": "hermetic",
            "ssl": {"leaf_domain_label": "contoso", "overwrite_existing_domain": True},
            "cluster_purpose": "DevTest",
            "load_balancer_type": "InternalLoadBalancer",
            "load_balancer_subnet": "s",
        },
    ),
    ("update_compute", {"name": "labelled", "leaf_domain_label": "contoso", "renew": True}),
    ("update_compute", {"name": "labelled", "status": "Disabled"}),
    ("update_compute", {"name": "labelled", "status": "Bogus"}),
    ("update_compute", {"name": "labelled", "leaf_domain_label": "contoso"}),
    (
        "update_compute",
        {"name": "labelled", "leaf_domain_label": "other", "overwrite_existing_domain": True},
    ),
    ("update_compute", {"name": "labelled", "cname": HOST, "cert": "none", "key": "none"}),
    ("update_compute", {"name": "plain", "balancer": ("InternalLoadBalancer", "s")}),
    ("credentials", {"name": "plain"}),
    ("deploy", {"name": "aks", "on": "plain", "models": ["wine"]}),
    ("deploy", {"name": "scaled", "on": "plain", **SCALED, **KEYS, "blobfuse_enabled": False}),
    ("deploy", {"name": "fixed", "on": "plain", "autoscale_enabled": False, "num_replicas": 1}),
    (
        "deploy",
        {"name": "tokens", "on": "plain", "token_auth_enabled": True, "auth_enabled": False},
    ),
    ("update", {"name": "aks", **SCALED}),
    ("update", {"name": "aks", "autoscale_enabled": False, "num_replicas": 2}),
    ("update", {"name": "aks", "auth_enabled": False, "token_auth_enabled": True}),
    ("change_script", {"name": "aks", "models": ["wine"]}),
    ("tell_service", {"name": "aks"}),
    ("regenerate", {"name": "scaled", "which": "secondary", "to": "n" * 32}),
    ("deploy", {"name": "aci", "overwrite": True}),
    (
        "deploy",
        {
            "name": "full",
            "models": ["wine"],
            "packages": ["packaging"],
            "location": "local",
            "auth_enabled": True,
            "ssl_enabled": False,
            "enable_app_insights": True,
            "collect_model_data": True,
            "dns_name_label": "label",
            **KEYS,
            **CLOUD,
        },
    ),
    (
        "update",
        {
            "name": "aci",
            "tags": {"a": "b"},
            "properties": {"c": "d"},
            "description": "what it is",
            "auth_enabled": True,
            "enable_app_insights": True,
            "ssl_enabled": False,
        },
    ),
    ("remove_compute", {"name": "own", "how": "delete"}),
    ("deploy", {"name": "sealed", "ssl_enabled": True, "auth_enabled": True, **OWN}),
    ("update", {"name": "sealed", "ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem"}),
    ("update", {"name": "aci", "ssl_enabled": True, **OWN}),
    ("delete", {"name": "aci"}),
    ("remove_compute", {"name": "attached", "how": "detach"}),
]

# What differs by intent, and changes nothing at a node: an image and an interpreter that only the
# retired product had, its example of a variable, and where the original says pip is to look.
_IMAGE = "mcr.microsoft.com/"
_EXAMPLE = "EXAMPLE_ENV_VAR"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[AzureMl]]:
    """Both clients, each with a product of its own, and with the same files."""
    folder: Path = tmp_path_factory.mktemp("pair")
    given = hierarchy(name="Company").issue(HOST)
    with ExitStack() as stack:
        both = []
        for name in azureml.CLIENTS:
            product = azureml.start(folder / f"{name}-home")
            stack.callback(product.stop)
            client = stack.enter_context(AzureMl(product, folder / f"{name}-work", client=name))
            (client.work / "cert.pem").write_bytes(given.chain_pem)
            (client.work / "key.pem").write_bytes(given.key_pem)
            both.append(client)
        yield both


def told(client: AzureMl) -> list[Any]:
    """Return what *client* sent since it was asked last, without what chance or time chose.

    The requests that only ask whether something would do are left out: we send none, so that a
    private key travels once.
    """
    sent = client.play("sent")
    kept = [
        [method, url, body]
        for method, url, body in sent
        if "/msi/" not in url and "/services/validate" not in url and ".blob." not in url
        if not (method == "PUT" and "sig=" in url)
        if "/score" not in url
    ]
    return [_steady(one) for one in kept]


def _steady(one: Any) -> Any:
    text = json.dumps(one)
    for pattern, word in (
        (r"https?://[a-z0-9.]+:\d+", "NODE"),
        (r"LocalUpload/[0-9A-Za-z-]+", "PLACE"),
        (r"aml://asset/[0-9a-f]+", "ASSET"),
        (r"tmp[0-9a-z_]+\.py", "WRAPPER"),
        (r'"[0-9a-f]+\.tar\.gz', '"ARCHIVE'),
        (r"PLACE/[0-9a-f]+\.tar\.gz", "PLACE/ARCHIVE"),
        (r"\d{4}-\d\d-\d\dT[0-9:.+]+", "MOMENT"),
        (r"(contoso|other)[0-9a-z]{6}\.", r"\1SUFFIX."),
        (r"python=[0-9.]+", "PYTHON"),
        (r"%3A", ":"),
    ):
        text = re.sub(pattern, word, text)
    return _plain(json.loads(text))


def _plain(one: Any) -> Any:
    """Return *one* without what differs by intent, and with changes in the order of their paths."""
    if isinstance(one, dict):
        kept = {key: _plain(value) for key, value in one.items() if key != _EXAMPLE}
        if str(kept.get("baseImage") or "").startswith(_IMAGE):
            kept["baseImage"] = None
        return kept
    if isinstance(one, list):
        items = [_plain(each) for each in one if not (isinstance(each, str) and each[:2] == "--")]
        if items and all(isinstance(each, dict) and "op" in each for each in items):
            items.sort(key=lambda each: each["path"])
        return items
    return one


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[0]}-{step[1]['name']}")
def test_the_same_is_sent(pair: list[AzureMl], step: tuple[str, dict[str, Any]]) -> None:
    scenario, arguments = step
    sent = []
    for client in pair:
        told(client)
        client.play(scenario, **arguments)
        sent.append(told(client))
    original, ours = sent
    assert original
    assert ours == original


def test_what_would_differ_is_seen(pair: list[AzureMl]) -> None:
    for client, label in zip(pair, ("one", "two"), strict=True):
        told(client)
        client.play("compute", name="twin", ssl={"leaf_domain_label": label})
    original, ours = (told(client) for client in pair)
    assert ours != original


def test_a_private_key_travels_once(pair: list[AzureMl]) -> None:
    original, ours = pair
    times = []
    for client in (original, ours):
        client.play("delete", name="sealed")
        client.play("sent")
        client.play("deploy", name="counted", ssl_enabled=True, **OWN)
        times.append(sum("PRIVATE KEY" in json.dumps(one) for one in client.play("sent")))
    assert times == [3, 1]
