"""What a web node finds, over HTTP: for Owners alone."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from hermetic.access.principals import Role
from hermetic.certificates.authorisation import Trust
from hermetic.certificates.roles import Role as CertificateRole
from hermetic.clock import system_clock
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.gateway.nodes import ComputeNodes
from tests.support.webnode import WebNode, web_node

PEER = "https://web-2.example:12800"
LOW = Finding("disk.low", "disk of /h", "0.5 GB are free.", "du -xh /h")
PATHS = "/diagnosis", "/diagnosis/peers"


@pytest.fixture
async def looks() -> list[None]:
    return []


@pytest.fixture
async def web(tmp_path: Path, looks: list[None]) -> AsyncIterator[WebNode]:
    async def disk() -> Sequence[Finding]:
        looks.append(None)
        return [LOW]

    trust, nodes = Trust((), CertificateRole.COMPUTE), ComputeNodes(lambda: None)
    made = Diagnosis(
        nodes, lambda: trust, lambda: None, [disk], lambda: [PEER], "0.0-test", system_clock
    )
    async with web_node(tmp_path, diagnosis=made) as running:
        yield running


async def test_an_owner_is_told_what_is_found(web: WebNode) -> None:
    answer = await web.client.get("/diagnosis")
    assert answer.status_code == 200
    disk, nodes = answer.json()["findings"]
    assert disk == {
        "code": "disk.low",
        "level": "warn",
        "where": LOW.where,
        "text": LOW.text,
        "remedy": LOW.remedy,
    }
    assert (nodes["code"], nodes["level"]) == ("node.none", "fail")


async def test_the_others_are_named_without_a_look(web: WebNode, looks: list[None]) -> None:
    answer = await web.client.get("/diagnosis/peers")
    assert answer.json() == {"webNodes": [PEER]}
    assert not looks


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_nobody_but_an_owner_may_look(
    web: WebNode, looks: list[None], path: str, role: Role
) -> None:
    async with web.holding("someone", role) as client:
        assert (await client.get(path)).status_code == 403
    async with web.anybody() as client:
        assert (await client.get(path)).status_code == 401
    assert not looks
