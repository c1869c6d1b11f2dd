"""What a client asks before anything else."""

from datetime import timedelta

from hermetic.access.principals import Principal, Role
from tests.compat.azureml.conftest import WORKSPACE, Desk
from tests.support.tokens import claims_of


async def test_the_cloud_leads_back_here(desk: Desk) -> None:
    (cloud,) = (await desk.ask("GET", "/metadata/endpoints", token="")).json
    assert cloud["name"] == "AzureCloud"
    assert cloud["resourceManager"] == "https://localhost:12800"
    assert cloud["suffixes"]["storage"] == "hermetic.internal"


async def test_a_secret_is_exchanged_for_a_token_again_and_again(desk: Desk) -> None:
    secret = await desk.access.delegate(Principal("admin", Role.OWNER))
    for _ in range(3):
        told = (await desk.ask("GET", "/msi/token/?resource=x", token="", secret=secret)).json
        claims = claims_of(told["access_token"])
        assert claims["tid"]
        assert claims["exp"] == int(told["expires_on"])
        used = await desk.ask("GET", "/subscriptions", token=told["access_token"])
        assert used.status == 200
        desk.deck.clock.advance(timedelta(hours=2))


async def test_without_a_secret_there_is_no_token(desk: Desk) -> None:
    for secret in ({}, {"secret": "wrong"}):
        refused = await desk.ask("POST", "/msi/token", token="", metadata="true", **secret)
        assert refused.status == 401
        assert "access_token" not in refused.body.decode()


async def test_a_secret_dies_with_the_logins_of_its_owner(desk: Desk) -> None:
    secret = await desk.access.delegate(Principal("admin", Role.OWNER))
    await desk.access.end_logins("admin")
    assert (await desk.ask("GET", "/msi/token", token="", secret=secret)).status == 401


async def test_a_secret_dies_after_two_weeks(desk: Desk) -> None:
    secret = await desk.access.delegate(Principal("admin", Role.OWNER))
    desk.deck.clock.advance(timedelta(days=15))
    assert (await desk.ask("GET", "/msi/token", token="", secret=secret)).status == 401


async def test_the_workspace_is_told_to_who_logged_in(desk: Desk) -> None:
    assert (await desk.ask("GET", "{W}", token="")).status == 401
    told = (await desk.ask("GET", "{W}?api-version=2022-05-01")).json
    assert told["id"] == WORKSPACE.id
    assert told["properties"]["discoveryUrl"] == "https://localhost:12800/discovery"
    (subscription,) = (await desk.ask("GET", "/subscriptions")).json["value"]
    assert subscription["subscriptionId"] == "sub-1"


async def test_services_are_discovered_here(desk: Desk) -> None:
    told = (await desk.ask("GET", "/discovery", token="")).json
    assert set(told) == {
        "api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio"
    }  # fmt: skip
    assert set(told.values()) == {"https://localhost:12800"}
