"""The command lines of the v1 extension, as the retired manual has them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.applications import Applications
from tests.support.azureml import AzureMl, serial
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.product import Product, environment

pytestmark = [pytest.mark.slow, pytest.mark.system]

HOST = "cli.contoso.test"


@pytest.fixture(scope="module")
def kind() -> str:
    return "hermetic-azureml"  # which only prepares what is then typed about


@pytest.fixture(scope="module")
def company() -> Hierarchy:
    return hierarchy(name="Company")


class Typist:
    """Somebody who types commands in a folder, logged in by the client's fixture."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.folder = folder
        self._env = environment(HERMETIC_HOME=str(product.home))

    def type(self, line: str) -> "subprocess.CompletedProcess[str]":
        words = line.split()
        return subprocess.run(
            [sys.executable, "-m", "hermetic.cli.main", *words],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def told(self, line: str) -> Any:
        done = self.type(line)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def typist(client: AzureMl, product: Product) -> Typist:
    return Typist(product, client.work)


@pytest.fixture(scope="module")
def labelled(typist: Typist) -> dict[str, Any]:
    """A compute that was created with a label."""
    line = "az ml computetarget create aks -n labelled --ssl-leaf-domain-label contoso"
    made: dict[str, Any] = typist.told(line)
    assert made["provisioningState"] == "Succeeded"
    assert set(made) == {"name", "provisioningState", "location", "provisioningErrors"}
    return made


def ssl_of(typist: Typist, name: str) -> dict[str, Any]:
    shown = typist.told(f"az ml computetarget show -n {name} -g hermetic -w hermetic")
    ssl: dict[str, Any] = shown["properties"]["properties"]["sslConfiguration"]
    return ssl


def test_a_renewal_keeps_the_name(
    typist: Typist, product: Product, labelled: dict[str, Any]
) -> None:
    before = ssl_of(typist, "labelled")
    old = serial(product, before["cname"])
    typist.told(
        "az ml computetarget update aks -g hermetic -w hermetic -n labelled"
        " --ssl-leaf-domain-label contoso --ssl-overwrite-domain True --ssl-renew"
    )
    assert ssl_of(typist, "labelled") == before
    assert serial(product, before["cname"]) != old


def test_a_label_is_replaced_and_tls_disabled(typist: Typist, labelled: dict[str, Any]) -> None:
    update = "az ml computetarget update aks -n labelled"
    refused = typist.type(f"{update} --ssl-leaf-domain-label other")
    assert refused.returncode == 1
    assert "overwritten" in refused.stderr
    typist.told(f"{update} --ssl-leaf-domain-label other --ssl-overwrite-domain")
    assert ssl_of(typist, "labelled")["cname"].startswith("other")
    typist.told(f"{update} --ssl-disable True")
    assert ssl_of(typist, "labelled")["status"] == "Disabled"
    renewing = typist.type(f"{update} --ssl-renew")
    assert renewing.returncode == 65
    assert "nothing to renew" in renewing.stderr


def test_a_certificate_of_ones_own_is_given_and_replaced(
    typist: Typist, product: Product, company: Hierarchy
) -> None:
    files = "--ssl-cname cli.contoso.test --ssl-cert-file cert.pem --ssl-key-file key.pem"
    for line in (f"create aks -n own {files}", f"update aks -n own {files}"):
        given = company.issue(HOST)
        (typist.folder / "cert.pem").write_bytes(given.chain_pem)
        (typist.folder / "key.pem").write_bytes(given.key_pem)
        typist.told(f"az ml computetarget {line}")
        assert int(serial(product, HOST), 16) == given.chain.serial
    typist.told("az ml computetarget delete -n own")


def test_a_missing_space_is_pointed_at(typist: Typist) -> None:
    line = (
        "az ml computetarget update aks -n own"
        " --ssl-cname myaks--ssl-cert-file cert.pem --ssl-key-file key.pem"
    )
    done = typist.type(line)
    assert done.returncode == 2
    assert "space is missing" in done.stderr


def test_a_cluster_is_attached_and_detached(typist: Typist) -> None:
    cluster = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService"
    attached = typist.told(
        "az ml computetarget attach aks -n attached"
        f" -i {cluster}/managedClusters/hermetic -g hermetic -w hermetic"
    )
    assert attached["provisioningState"] == "Succeeded"
    names = [one["name"] for one in typist.told("az ml computetarget list")]
    assert "attached" in names
    assert typist.type("az ml computetarget delete -n attached").returncode == 65
    typist.told("az ml computetarget detach -n attached")
    told = typist.told("az ml computetarget get-credentials -n labelled")
    assert told["computeType"] == "AKS"


def test_services_are_shown_called_and_deleted(
    client: AzureMl, typist: Typist, cluster: str, service: str
) -> None:
    assert [one["name"] for one in typist.told("az ml service list -c AKS")] == ["wine"]
    shown = typist.told("az ml service show -n wine")
    assert shown["state"] == "Healthy"
    assert "containerResourceRequirements" in typist.told("az ml service show -n wine -v")
    before = typist.told("az ml service get-keys -n wine")
    after = typist.told("az ml service regen-key -n wine -k primary")
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    assert typist.type("az ml service get-access-token -n wine").returncode == 65
    assert "wine" in typist.told("az ml model list -n wine")[0]["id"]
    assert typist.told("az ml model show -i wine:1")["version"] == 1
    assert typist.type("az ml service get-logs -n wine -l 5").returncode == 0
    assert typist.type("az ml service show -n none").returncode == 66
    typist.told("az ml service delete -n wine")
    assert typist.told("az ml service list") == []
    typist.told("az ml model delete -i wine:1")
    assert client.play("services") == []


def test_a_model_is_registered_deployed_and_changed(typist: Typist, product: Product) -> None:
    source = typist.folder / "cli"
    source.mkdir()
    (source / "score.py").write_text(
        "import os\n"
        "def run(data):\n"
        "    folder = os.environ['AZUREML_MODEL_DIR']\n"
        "    beside = os.path.join(os.path.dirname(__file__), 'beside.txt')\n"
        "    return [data, sorted(os.listdir(folder)), open(beside).read()]\n"
    )
    (source / "beside.txt").write_text("beside")
    (typist.folder / "model.txt").write_text("a model")
    typist.told("az ml computetarget create aks -n cli --ssl-leaf-domain-label cli")
    made = typist.told("az ml model register -n cli -p model.txt --tag a=b -t meta.json")
    assert made["modelId"] == "cli:1"
    (typist.folder / "cli.yml").write_text("computeType: aks\nnumReplicas: 1\n")
    line = "az ml model deploy -n cli --ct cli --sd cli --es score.py -f meta.json --dc cli.yml"
    deployed = typist.told(f"{line} --kp chosen-by-me")
    assert deployed["state"] == "Healthy"
    assert typist.told("az ml service get-keys -n cli")["primaryKey"] == "chosen-by-me"
    host = ssl_of(typist, "cli")["cname"]
    with Applications(deployed["scoringUri"], "chosen-by-me", str(product.ca)) as applications:
        assert applications.call(x=1) == 200
    assert host in deployed["scoringUri"]
    changed = typist.told("az ml service update -n cli --add-tag c=d --tm 5000")
    assert changed["tags"] == {"c": "d"}
    again = typist.type(line)
    assert again.returncode == 1
    assert "overwrite" in again.stderr
    typist.told(f"{line} --overwrite")
    uri = typist.type("az ml service show -n cli --query scoringUri -o tsv").stdout
    assert uri == f"{deployed['scoringUri']}\n"
    typist.told("az ml model update -i cli:1 --add-tag e=f")
    fetched = typist.told("az ml model download -i cli:1 -t fetched")
    assert (typist.folder / fetched["downloadPath"]).read_text() == "a model"
    typist.told("az ml service delete -n cli")
    typist.told("az ml computetarget delete -n cli")
    typist.told("az ml model delete -i cli:1")


def test_another_workspace_is_not_found(typist: Typist) -> None:
    assert typist.type("az ml computetarget list -w other").returncode == 66


def test_the_workspace_is_read_from_the_project(typist: Typist, tmp_path: Path) -> None:
    project = tmp_path / ".azureml"
    project.mkdir()
    (project / "config.json").write_text('{"workspace_name": "other"}')
    line = f"az ml computetarget list --path {tmp_path}"
    assert typist.type(line).returncode == 66
    assert typist.type(f"{line} -w hermetic").returncode == 0
    (project / "config.json").write_text("no JSON")
    assert typist.type(line).returncode == 65
