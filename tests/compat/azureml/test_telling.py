"""Where a service is called, and what is told of one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.compat.azureml.telling import Telling
from hermetic.compat.azureml.workspace import Reached
from hermetic.serving.deployment import Deployment, DeploymentKind, DeploymentState
from hermetic.serving.frontend import UNSEALED, FrontEndTls, TlsState
from tests.compat.azureml.conftest import WORKSPACE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AUTO = FrontEndTls(TlsState.AUTO, "contosoabc123.local.test", "contoso", "abc123")
OWN = FrontEndTls(TlsState.ENABLED, "www.contoso.test")
AKS = Deployment(
    "wine", DeploymentKind.AKS, "anna", NOW, NOW, "cluster", state=DeploymentState.HEALTHY
)
ACI = replace(AKS, kind=DeploymentKind.ACI, compute="", host="wine.local.test")


def telling(tls: FrontEndTls) -> Telling:
    return Telling(WORKSPACE, Reached("10.0.0.7", 443, 80), lambda _name: tls)


@pytest.mark.parametrize(
    ("one", "tls", "uri"),
    [
        (AKS, AUTO, "https://contosoabc123.local.test:443/api/v1/service/wine/score"),
        (AKS, OWN, "https://www.contoso.test:443/api/v1/service/wine/score"),
        (AKS, UNSEALED, "http://10.0.0.7:80/api/v1/service/wine/score"),
        (
            replace(AKS, follows_compute=False),
            AUTO,
            "http://10.0.0.7:80/api/v1/service/wine/score",
        ),
        (ACI, UNSEALED, "http://wine.local.test:80/score"),
        (replace(ACI, tls=OWN), UNSEALED, "https://www.contoso.test:443/score"),
    ],
)
def test_the_uri_tells_the_truth(one: Deployment, tls: FrontEndTls, uri: str) -> None:
    assert telling(tls).scoring_uri(one) == uri
    assert telling(tls).service(one)["scoringUri"] == uri


def test_one_that_failed_has_an_error_and_no_address() -> None:
    failed = replace(AKS, state=DeploymentState.FAILED, error=("BadInput", "No."))
    told = telling(AUTO).service(failed)
    assert told["scoringUri"] is None
    assert told["error"]["message"] == "No."
    assert told["deploymentStatus"]["availableReplicas"] == 0


def test_what_was_not_told_is_as_the_original_had_it() -> None:
    told = telling(AUTO).service(AKS)
    assert told["autoScaler"]["maxReplicas"] == 10
    assert told["livenessProbeRequirements"]["initialDelaySeconds"] == 310
    assert told["containerResourceRequirements"]["cpu"] == 0.1
    fixed = replace(AKS, told={"numReplicas": 2, "containerResourceRequirements": {"cpu": 2.0}})
    told = telling(AUTO).service(fixed)
    assert told["autoScaler"]["autoscaleEnabled"] is False
    assert told["containerResourceRequirements"]["cpu"] == 2.0


def test_a_front_end_of_its_own_tells_its_address_and_no_key() -> None:
    told = telling(UNSEALED).service(replace(ACI, tls=OWN))
    assert (told["publicIp"], told["publicFqdn"]) == ("10.0.0.7", "www.contoso.test")
    assert told["sslEnabled"] is True
    assert told["sslKey"] is None
