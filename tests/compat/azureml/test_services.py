"""Services on the wire, as they are read."""

from hermetic.access.deployment_tokens import holds
from tests.compat.azureml.conftest import MMS, Desk
from tests.support.tokens import signing_key

ONE = f"{MMS}/services/wine"
REQUIRED = {
    "computeType", "createdTime", "description", "kvTags", "name", "properties", "state",
    "appInsightsEnabled", "authEnabled", "autoScaler", "computeName",
    "containerResourceRequirements", "dataCollection", "maxConcurrentRequestsPerContainer",
    "maxQueueWaitMs", "numReplicas", "scoringTimeoutMs", "scoringUri",
    "livenessProbeRequirements", "aadAuthEnabled",
}  # fmt: skip


async def test_a_service_has_every_member_its_client_needs(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    told = (await desk.ask("GET", f"{ONE}?expand=true")).json
    assert set(told) >= REQUIRED
    assert told["state"] == "Healthy"
    host = desk.deck.computes.find("cluster").tls.host
    assert told["scoringUri"] == f"https://{host}:12800/api/v1/service/wine/score"
    assert "keys" not in told


async def test_services_are_found_by_what_is_asked(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    await desk.deploy("beer", kvTags={"c": "d"})

    async def found(query: str) -> list[str]:
        told = (await desk.ask("GET", f"{MMS}/services?expand=true&{query}")).json
        return [one["name"] for one in told["value"]]

    assert await found("") == ["beer", "wine"]
    assert await found("computeType=aci") == []
    assert await found("tags=a=b") == ["wine"]
    assert await found("modelId=none:1") == []
    assert await found("modelName=none") == []


async def test_keys_are_told_to_who_may_hand_them_out(desk: Desk) -> None:
    await desk.create()
    await desk.deploy(keys={"primaryKey": "my-own-key", "secondaryKey": None})
    told = (await desk.ask("POST", f"{ONE}/listkeys")).json
    assert told["primaryKey"] == "my-own-key"
    assert len(told["secondaryKey"]) >= 32


async def test_a_token_tells_when_it_ends(desk: Desk) -> None:
    await desk.create()
    await desk.deploy(aadAuthEnabled=True, authEnabled=False)
    told = (await desk.ask("POST", f"{ONE}/token")).json
    assert told["tokenType"] == "Bearer"
    assert told["refreshAfter"] < told["expiryOn"]
    key = signing_key().public_key()
    assert holds(told["accessToken"], "wine", key, at=desk.deck.clock())


async def test_its_log_is_told(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    desk.deck.journal.note("wine", "one\ntwo")
    told = (await desk.ask("GET", f"{ONE}/logs?tail=1&init=False")).json
    assert told["content"].endswith("two\n")
    assert "one" in (await desk.ask("GET", f"{ONE}/logs?tail=x")).json["content"]


async def test_an_operation_tells_its_history(desk: Desk) -> None:
    await desk.create()
    told = (await desk.deploy()).json
    assert told["state"] == "Succeeded"
    assert told["error"] is None
    assert "|Loading it once.#" in told["streamingOperationLog"]
    assert (await desk.ask("GET", f"{MMS}/operations/none")).status == 404


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for method, path in (("GET", ""), ("POST", "/listkeys"), ("POST", "/token"), ("GET", "/logs")):
        assert (await desk.ask(method, f"{ONE}{path}")).status == 404
