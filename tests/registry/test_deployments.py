"""Deployments, in the database."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.access.deployment_tokens import DeploymentKeys
from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict
from hermetic.registry.artifacts import Artifacts
from hermetic.registry.deployments import Deployments, Kept
from hermetic.registry.documents import Documents
from hermetic.registry.front_ends import credential_of
from hermetic.registry.sealed import Seal
from hermetic.serving.deployment import Deployment, DeploymentKind, DeploymentState, Sizing
from hermetic.serving.frontend import FrontEndTls, TlsState
from tests.support.certificates import hierarchy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEPLOYMENT = Deployment(
    "wine",
    DeploymentKind.ACI,
    "anna",
    NOW,
    NOW,
    tags={"a": "b"},
    told={"namespace": None},
    sizing=Sizing(2, 3, 0.5, 7.0),
    key_auth=True,
    host="wine.local",
    tls=FrontEndTls(TlsState.ENABLED, "www.contoso.test"),
    state=DeploymentState.FAILED,
    bundle="a" * 64,
    script="src/score.py",
    variables=(("A", "B"),),
    error=("BadInput", "It cannot be."),
)


@pytest.fixture
def deployments(database: Database, clock: TurnedClock) -> Deployments:
    return Deployments(Documents(database, Seal(b"k" * 32)), Artifacts(database, clock))


async def test_a_deployment_is_read_as_it_was_kept(
    deployments: Deployments, database: Database
) -> None:
    credential = hierarchy().issue("www.contoso.test")
    kept = await deployments.keep(Kept(DEPLOYMENT, DeploymentKeys("one", "two"), credential, 0))
    (found,) = await deployments.all()
    assert found.deployment == DEPLOYMENT
    assert found.keys == kept.keys
    assert found.credential is not None
    assert found.credential.chain == credential.chain
    assert found.revision == kept.revision == 1


async def test_its_bundle_is_wanted_for_as_long_as_it_is_there(
    deployments: Deployments, database: Database, clock: TurnedClock
) -> None:
    artifacts = Artifacts(database, clock)
    await deployments.keep(Kept(DEPLOYMENT, DeploymentKeys("one", "two"), None, 0))
    assert await artifacts.bundles() == (set(), {"a" * 64})
    await deployments.remove("wine")
    assert await artifacts.bundles() == (set(), set())


async def test_of_two_changes_at_once_one_is_refused(deployments: Deployments) -> None:
    kept = await deployments.keep(Kept(DEPLOYMENT, DeploymentKeys("one", "two"), None, 0))
    await deployments.keep(replace(kept, keys=DeploymentKeys("three", "four")))
    with pytest.raises(Conflict):
        await deployments.keep(replace(kept, keys=DeploymentKeys("five", "six")))


async def test_one_without_a_certificate_has_none(database: Database) -> None:
    documents = Documents(database, Seal(b"k" * 32))
    registry = Deployments(documents, Artifacts(database, TurnedClock(NOW)))
    await registry.keep(Kept(DEPLOYMENT, DeploymentKeys("one", "two"), None, 0))
    document = await documents.find("service", "wine")
    assert document is not None
    assert credential_of(document) is None
