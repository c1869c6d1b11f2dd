"""Names of front ends that lead to the node by themselves, with both clients."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import azureml, bind
from tests.support.azureml import AzureMl
from tests.support.bind import Bind
from tests.support.certificates import hierarchy
from tests.support.product import environment

pytestmark = [pytest.mark.slow, pytest.mark.system, bind.needs_bind]

DOMAIN = "models.site.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Bind]:
    with bind.running("astray IN A 203.0.113.7") as running:
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


def looked_up(server: Bind, named: AzureMl, compute: str) -> dict[str, Any]:
    """Return what the command says of the name of *compute*."""
    home = named.work.parent / "home"
    words = ["dns", "check", "--compute", compute, "--json", "--server", "127.0.0.1"]
    done = subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", *words, "--server-port", str(server.port)],
        env=environment(HERMETIC_HOME=str(home)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if told["verdict"] == "ok" else 1), done.stderr
    return told


def test_the_command_says_whether_a_name_leads_to_the_node(server: Bind, named: AzureMl) -> None:
    given = hierarchy(name="Company").issue("astray.site.test")
    (named.work / "cert.pem").write_bytes(given.chain_pem)
    (named.work / "key.pem").write_bytes(given.key_pem)
    files = {"ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem"}
    named.play("compute", name="ours", ssl={"leaf_domain_label": "ours"})
    named.play("compute", name="theirs", ssl={**files, "ssl_cname": "astray.site.test"})
    ours, theirs = (looked_up(server, named, name) for name in ("ours", "theirs"))
    assert (ours["verdict"], ours["reachedAt"]) == ("ok", "127.0.0.1")
    assert (theirs["verdict"], theirs["reachedAt"]) == ("points elsewhere", "127.0.0.1")
    assert theirs["addresses"] == ["203.0.113.7"]
    assert set(ours["addresses"]) == server.addresses(ours["name"])
