"""Compute nodes as a web node looks at them, with one thing wrong at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.authorisation import Trust
from hermetic.certificates.roles import Role
from hermetic.clock import Clock, system_clock
from hermetic.diagnostics import nodes as looked
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.errors import Busy
from hermetic.gateway.nodes import ComputeNodes
from hermetic.serving.service import ServiceKey
from hermetic.serving.uris import NodeAddress
from tests.support.computenode import ComputeNode, compute_node
from tests.support.hops import serving
from tests.support.hosting import PlayedSessions
from tests.support.waiting import until

VERSION = "0.0-test"
PLAIN = "hop.plain-http"
ANSWER = {"success": True, "outputParameters": [{"name": "answer", "value": 45}]}


class Answering(PlayedSessions):
    """Sessions in which every code gives the same answer, or raises."""

    def __init__(self, answer: Mapping[str, object]) -> None:
        super().__init__()
        self.answer = answer
        self.failure: Exception | None = None
        self.closes = asyncio.Event()
        self.closes.set()

    async def close(self, session_id: str, *, force: bool = False) -> None:
        await self.closes.wait()
        await super().close(session_id, force=force)

    async def execute(
        self, session_id: str, code: str, inputs: Mapping[str, object], outputs: Sequence[str]
    ) -> bytes:
        if self.failure is not None:
            raise self.failure
        return json.dumps(self.answer).encode()


def diagnosis(seen: ComputeNodes) -> Diagnosis:
    trust = Trust((), Role.COMPUTE)
    return Diagnosis(seen, lambda: trust, lambda: None, [], list, VERSION, system_clock)


@asynccontextmanager
async def looking(*ports: int) -> AsyncIterator[Diagnosis]:
    seen = ComputeNodes(lambda: None, period_s=0.05)
    seen.replace([NodeAddress("http", "127.0.0.1", one) for one in ports])
    try:
        yield diagnosis(seen)
    finally:
        await seen.stop()


@asynccontextmanager
async def one(
    folder: Path, clock: Clock = system_clock
) -> AsyncIterator[tuple[ComputeNode, Answering, Diagnosis]]:
    sessions = Answering(ANSWER)
    async with (
        compute_node(folder, sessions=sessions, clock=clock) as node,
        looking(node.port) as found,
    ):
        (seen,) = found.nodes
        await until(lambda: seen.status is not None)
        yield node, sessions, found


def codes(findings: Sequence[Finding]) -> list[str]:
    return [one.code for one in findings]


async def test_a_node_without_a_fault_raises_no_alarm_but_for_plain_http(tmp_path: Path) -> None:
    async with one(tmp_path) as (_, sessions, found):
        assert codes(await found.look()) == [PLAIN, "node.fine"]
        assert not sessions.sessions  # what was opened for the look is closed


async def test_a_session_that_does_not_close_holds_up_nobody(tmp_path: Path) -> None:
    async with one(tmp_path) as (_, sessions, found):
        sessions.closes.clear()
        assert codes(await asyncio.wait_for(found.look(), looked.WITHIN_S)) == [PLAIN, "node.fine"]
        sessions.closes.set()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_off_is_told(tmp_path: Path, hours: int) -> None:
    async with one(tmp_path, lambda: system_clock() + timedelta(hours=hours)) as (_, _, found):
        assert codes(await found.look()) == [PLAIN, "node.skewed"]


async def test_another_version_is_told(tmp_path: Path) -> None:
    async with one(tmp_path) as (_, _, found):
        newer = replace(found, version="0.1-test")
        assert codes(await newer.look()) == [PLAIN, "node.other-version"]


async def test_a_node_without_a_free_interpreter_is_told(tmp_path: Path) -> None:
    async with one(tmp_path) as (node, sessions, found):
        node.execution.holds = True
        for _ in range(2):
            node.execution.submit(ServiceKey("a", "1"), b"", lambda _: None)
        assert codes(await found.look()) == [PLAIN, "node.full"]
        node.execution.held.clear()
        sessions.failure = Busy("Every interpreter is busy.")
        assert codes(await found.look()) == [PLAIN, "node.full"]


async def test_a_node_that_computes_wrongly_is_told(tmp_path: Path) -> None:
    async with one(tmp_path) as (_, sessions, found):
        sessions.answer = {"success": False}
        assert codes(await found.look()) == [PLAIN, "node.no-code"]


async def test_a_node_that_says_that_something_fails_is_told(tmp_path: Path) -> None:
    async with one(tmp_path) as (node, _, found):
        (seen,) = found.nodes
        node.execution.alive = False
        await until(
            lambda: seen.status is not None and seen.status.status_code == "fail", within_s=20
        )
        failing, *_ = [one for one in await found.look() if one.code != PLAIN]
        assert failing.code == "node.failing"
        assert failing.text == "workers: No worker answers."


async def test_a_node_that_hangs_is_named_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked, "WITHIN_S", 0.5)
    sessions = Answering(ANSWER)
    async with (
        serving(None, silent=True) as hung,
        compute_node(tmp_path, sessions=sessions) as node,
        looking(hung, node.port) as found,
    ):
        assert codes(await found.look()) == ["node.silent", PLAIN, "node.fine"]


async def test_a_web_node_without_compute_nodes_is_told() -> None:
    async with looking() as found:
        assert codes(await found.look()) == ["node.none"]
