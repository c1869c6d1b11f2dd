"""What the retired manual told people to write, step after step, with the client as it is."""

import pytest

from tests.support.azureml import AzureMl, serial
from tests.support.certificates import hierarchy
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

CREATED = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute, ComputeTarget

ws = Workspace.from_config()
prov_config = AksCompute.provisioning_configuration()
prov_config.enable_ssl(leaf_domain_label="myservice")
ComputeTarget.create(ws, "created", prov_config).wait_for_completion()
attach_config = AksCompute.attach_configuration(resource_group="any", cluster_name="hermetic")
attach_config.enable_ssl(leaf_domain_label="myservice")
ComputeTarget.attach(ws, "attached", attach_config).wait_for_completion()
"""
OWN = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute, ComputeTarget

ws = Workspace.from_config()
prov_config = AksCompute.provisioning_configuration()
prov_config.enable_ssl(
    ssl_cert_pem_file="cert.pem", ssl_key_pem_file="key.pem", ssl_cname="www.article.test"
)
ComputeTarget.create(ws, "own", prov_config).wait_for_completion()
"""
RENEWED = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute
from azureml.core.compute.aks import AksUpdateConfiguration, SslConfiguration

aks_target = AksCompute(Workspace.from_config(), "created")
ssl_configuration = SslConfiguration(
    leaf_domain_label="myservice", overwrite_existing_domain=True, renew=True
)
aks_target.update(AksUpdateConfiguration(ssl_configuration))
aks_target.wait_for_completion()
"""
REPLACED = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute
from azureml.core.compute.aks import AksUpdateConfiguration, SslConfiguration

aks_target = AksCompute(Workspace.from_config(), "own")
ssl_configuration = SslConfiguration(
    cname="www.article.test", cert=open("cert.pem").read(), key=open("key.pem").read()
)
aks_target.update(AksUpdateConfiguration(ssl_configuration))
aks_target.wait_for_completion()
"""
DISABLED = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute
from azureml.core.compute.aks import AksUpdateConfiguration, SslConfiguration

aks_target = AksCompute(Workspace.from_config(), "own")
aks_target.update(AksUpdateConfiguration(SslConfiguration(status="Disabled")))
aks_target.wait_for_completion()
"""
ALONE = """
from azureml.core.webservice import AciWebservice

aci_config = AciWebservice.deploy_configuration(
    ssl_enabled=True,
    ssl_cert_pem_file="cert.pem",
    ssl_key_pem_file="key.pem",
    ssl_cname="www.article.test",
)
assert aci_config.ssl_enabled
"""


def test_every_step_works_as_it_is_told(client: AzureMl, product: Product) -> None:
    authority = hierarchy(name="Article")

    def lay() -> int:
        given = authority.issue("www.article.test")
        (client.work / "cert.pem").write_bytes(given.chain_pem)
        (client.work / "key.pem").write_bytes(given.key_pem)
        return given.chain.serial

    client.play("verbatim", source=CREATED)
    assert client.play("show_compute", name="attached")["accepted"]["attached"] is True
    created = client.play("show_compute", name="created")["accepted"]
    before = serial(product, created["cname"])
    client.play("verbatim", source=RENEWED)
    renewed = client.play("show_compute", name="created")["accepted"]
    assert renewed["cname"] == created["cname"]
    assert serial(product, created["cname"]) != before
    for source in (OWN, REPLACED):
        laid = lay()
        client.play("verbatim", source=source)
        assert int(serial(product, "www.article.test"), 16) == laid
    client.play("verbatim", source=ALONE)
    client.play("verbatim", source=DISABLED)
    assert client.play("show_compute", name="own")["accepted"]["status"] == "Disabled"


def test_no_other_host_was_asked_for_anything(client: AzureMl) -> None:
    ours = {"localhost", "127.0.0.1", "hermetic.blob.hermetic.internal"}
    assert set(client.play("looked_up")) <= ours
