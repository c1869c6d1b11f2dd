"""What calls of a deployment cost, and what it costs to refuse who may not call."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from bench.load import Run, children, drive
from tests.support import product as products
from tests.support.product import Product, until

ROUNDS, SECONDS, CONNECTIONS = 3, 5, 16
SCRIPT = b"""
import json
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def init():
    global model
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(*load_iris(return_X_y=True))

def run(raw_data):
    return model.predict([json.loads(raw_data)["data"]]).tolist()
"""
_ROOT = "/subscriptions/6865726d-6574-4963-8000-000000000001/resourceGroups/hermetic/providers"
SPACE = f"{_ROOT}/Microsoft.MachineLearningServices/workspaces/hermetic"


@dataclass(frozen=True)
class Deployed:
    """A deployment: where it is called, with what, and by which node; a plain one `took_s`."""

    url: str
    host: str
    key: str
    pid: int
    took_s: float


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """Run one box, deploy a script on a compute with TLS, and yield that."""
    box = products.start(folder / "home", "--workers", "2")
    try:
        with box.client(box.token()) as client:
            yield _deployed(box, client)
    finally:
        box.stop()


def _deployed(box: Product, client: httpx2.Client) -> Deployed:
    mms, compute = f"/modelmanagement/v1.0{SPACE}", f"{SPACE}/computes/bench"
    ssl = {"status": "Auto", "leafDomainLabel": "bench"}
    told = {"properties": {"computeType": "AKS", "properties": {"sslConfiguration": ssl}}}
    client.put(compute, json=told).raise_for_status()
    until(lambda: client.get(compute).json()["properties"]["provisioningState"] == "Succeeded")
    host = client.get(compute).json()["properties"]["properties"]["sslConfiguration"]["cname"]
    took_s = _deploy(client, mms, "plain", b"def run(raw_data):\n    return raw_data\n")
    _deploy(client, mms, "bench", SCRIPT)
    keys = client.post(f"{mms}/services/bench/listkeys").json()
    url = f"https://127.0.0.1:{box.port}/api/v1/service/bench/score"
    return Deployed(url, f"{host}:{box.port}", keys["primaryKey"], box.process.pid, took_s)


def _deploy(client: httpx2.Client, mms: str, name: str, script: bytes) -> float:
    """Deploy *script* as *name*, and return how many seconds that took from the request on."""
    artifacts = f"/artifact/v2.0{SPACE}/artifacts/batch/metadata/LocalUpload/{name}"
    announced = client.post(artifacts, json={"paths": [{"path": "score.py"}]}).json()
    there = urlsplit(announced["artifactContentInformation"]["score.py"]["contentUri"])
    address, fields = f"{there.path}?{there.query}", {"host": there.netloc}
    client.put(address, content=script, headers=fields).raise_for_status()
    began = time.monotonic()
    client.post(f"{mms}/services", json=_service(name)).raise_for_status()
    until(lambda: client.get(f"{mms}/services/{name}").json()["state"] != "Transitioning")
    return time.monotonic() - began


def _service(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "computeType": "AKS",
        "computeName": "bench",
        "numReplicas": 2,
        "maxConcurrentRequestsPerContainer": CONNECTIONS,
        "maxQueueWaitMs": 5000,
        "environmentImageRequest": {
            "assets": [{"id": "s", "url": f"aml://artifact/LocalUpload/{name}/score.py"}],
            "environment": {"environmentVariables": {"AZUREML_ENTRY_SCRIPT": "score.py"}},
        },
    }


@dataclass(frozen=True)
class Measured:
    """Median CPU of all processes in µs a call, and calls a second; the seconds a plain one took to deploy."""

    scored_us: float
    refused_us: float
    scored_rate: float
    refused_rate: float
    deployed_s: float


def measured(folder: Path) -> Measured:
    """Return what calls with a key and without cost, one round after the other."""
    folder.mkdir(exist_ok=True)
    with deployed(folder) as one:
        scored, refused = [], []
        # Workers come with the load, each loads the model, and those that are there then stay.
        drive(one.url, one.key, [one.pid], connections=CONNECTIONS, seconds=10, host=one.host)
        for _ in range(ROUNDS):
            scored.append(_driven(one, one.key))
            refused.append(_driven(one, "wrong"))
    if any(run.failed for run in scored):
        raise SystemExit("calls of a deployment failed")
    return Measured(
        statistics.median(sum(run.cpu_us) for run in scored),
        statistics.median(sum(run.cpu_us) for run in refused),
        statistics.median(run.rate for run in scored),
        statistics.median(run.rate for run in refused),
        one.took_s,
    )


def _driven(one: Deployed, key: str) -> Run:
    pids = [one.pid, *children(one.pid)]
    return drive(one.url, key, pids, connections=CONNECTIONS, seconds=SECONDS, host=one.host)
