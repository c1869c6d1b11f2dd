"""From what a client asks for to what is deployed."""

import json
from datetime import UTC, datetime

import pytest

from hermetic.compat.azureml.messages import AutoScalerRequest, ServiceRequest
from hermetic.compat.azureml.wishes import deployment_of, wish_of
from hermetic.errors import BadInput
from hermetic.serving.deployment import Deployment, Sizing
from hermetic.serving.frontend import TlsState
from hermetic.wire.messages import decode
from tests.compat.azureml.conftest import WORKSPACE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def aks(**more: object) -> ServiceRequest:
    return ServiceRequest(name="wine", compute_type="AKS", compute_name="cluster", **more)  # type: ignore[arg-type]


def aci(**more: object) -> ServiceRequest:
    return ServiceRequest(name="wine", compute_type="ACI", **more)  # type: ignore[arg-type]


def deployed(body: ServiceRequest) -> Deployment:
    return deployment_of(body, WORKSPACE, at=NOW)


@pytest.mark.parametrize(
    ("body", "keys", "tokens"),
    [
        (aks(), True, False),
        (aks(auth_enabled=False), False, False),
        (aks(aad_auth_enabled=True), False, True),
        (aks(aad_auth_enabled=True, auth_enabled=False), False, True),
        (aci(), False, False),
        (aci(auth_enabled=True), True, False),
    ],
)
def test_what_callers_show_depends_on_the_kind(
    body: ServiceRequest, keys: bool, tokens: bool
) -> None:
    found = deployed(body)
    assert (found.key_auth, found.token_auth) == (keys, tokens)


@pytest.mark.parametrize(
    ("body", "sizing"),
    [
        (aks(), Sizing(10, 1, 0.5, 60)),
        (aks(num_replicas=3), Sizing(3, 1, 0.5, 60)),
        (aks(auto_scaler=AutoScalerRequest(max_replicas=4)), Sizing(4, 1, 0.5, 60)),
        (aks(auto_scaler=AutoScalerRequest(autoscale_enabled=False)), Sizing(1, 1, 0.5, 60)),
        (
            aks(num_replicas=1, max_concurrent_requests_per_container=5, max_queue_wait_ms=100),
            Sizing(1, 5, 0.1, 60),
        ),
        (aci(), Sizing(1, 1, 60, 60)),
    ],
)
def test_its_size_is_what_was_asked_or_the_originals(body: ServiceRequest, sizing: Sizing) -> None:
    assert deployed(body).sizing == sizing


@pytest.mark.parametrize(
    ("body", "follows"),
    [
        (aks(), True),
        (aks(ssl_enabled=False), False),
        (aks(kv_tags={"azureml.sslEnabled": "False"}), False),
        (aks(kv_tags={"azureml.sslEnabled": "true"}), True),
    ],
)
def test_a_deployment_may_go_without_tls(body: ServiceRequest, follows: bool) -> None:
    assert deployed(body).follows_compute is follows


def test_what_is_told_again_holds_no_secret() -> None:
    body = aci(
        ssl_enabled=True, ssl_certificate="a chain", ssl_key="a key", cname="www.contoso.test"
    )
    told = deployed(body).told
    assert not {"keys", "sslKey", "sslCertificate"} & set(told)
    assert "a key" not in repr(body)
    asked = wish_of(body, deployed(body), WORKSPACE).asked
    assert (asked.state, asked.host, asked.key) == (TlsState.ENABLED, "www.contoso.test", "a key")


def test_the_clients_wrapper_is_left_out_and_the_script_called() -> None:
    body = decode(
        b"""{"name": "wine", "computeType": "AKS", "computeName": "c",
        "environmentImageRequest": {"driverProgram": "d",
          "assets": [{"id": "d", "url": "aml://artifact/LocalUpload/a/tmp.py"},
                     {"id": "s", "url": "aml://artifact/LocalUpload/a/s.tar.gz", "unpack": true}],
          "modelIds": ["wine:1"],
          "environment": {"environmentVariables": {"AZUREML_ENTRY_SCRIPT": "s/score.py"}}}}""",
        ServiceRequest,
    )
    sources = wish_of(body, deployed(body), WORKSPACE).sources
    assert sources is not None
    assert [(one.artifact, one.unpack) for one in sources.files] == [
        ("LocalUpload/a/s.tar.gz", True)
    ]
    assert sources.models == ("wine:1",)
    assert sources.variables["SERVICE_PATH_PREFIX"] == "api/v1/service/wine"
    assert sources.variables["AZUREML_ENTRY_SCRIPT"] == "s/score.py"


def needing(dependencies: object) -> ServiceRequest:
    python = {"condaDependencies": {"dependencies": dependencies}}
    image = {"assets": [], "environment": {"python": python}}
    told = {"name": "wine", "computeType": "ACI", "environmentImageRequest": image}
    return decode(json.dumps(told).encode(), ServiceRequest)


def test_of_a_conda_environment_pip_installs_its_own_part() -> None:
    body = needing(["python=3.8", "pip", "scikit-learn>=1", {"pip": ["numpy==2.4.6"]}])
    sources = wish_of(body, deployed(body), WORKSPACE).sources
    assert sources is not None
    assert sources.requirements == ("numpy==2.4.6",)
    assert sources.left_out == ("scikit-learn>=1",)


@pytest.mark.parametrize("wrong", ["numpy", [{"pip": "numpy"}], [{"pip": [1]}], {"pip": []}])
def test_dependencies_that_are_no_list_are_refused(wrong: object) -> None:
    body = needing(wrong)
    with pytest.raises(BadInput, match="condaDependencies"):
        wish_of(body, deployed(body), WORKSPACE)


def test_a_front_end_without_tls_has_a_name_of_its_own() -> None:
    assert deployed(aci()).host == "wine.local.hermetic.internal"
    assert deployed(aci(dns_name_label="Other")).host == "other.local.hermetic.internal"
    assert deployed(aks()).host == ""
