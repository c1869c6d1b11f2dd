"""A running pool, and services for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hermetic.client.execution import Answer
from hermetic.compute.limits import MIB, Limits
from hermetic.compute.pool import LocalExecution
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service, ServiceKey

LIMITS = Limits(
    initial=1, most=4, ceiling=6, call_s=10, load_s=10, memory=1024 * MIB, file_size=16 * MIB
)


def parameters(**types: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter.parse(name, kind.replace("frame", "data.frame")) for name, kind in types.items()
    )


class Rig:
    """A pool with a home around it, and short ways to publish to it and call it."""

    def __init__(self, home: Path, limits: Limits) -> None:
        self.home, self.limits = home, limits
        self.pool = LocalExecution(home / "work", limits=limits, hidden=home)
        self._bundles = 0

    def bundle(
        self, files: dict[str, str | bytes], workspace: dict[str, bytes] | None = None
    ) -> Path:
        self._bundles += 1
        folder = self.home / "unpacked" / str(self._bundles)
        (folder / "files").mkdir(parents=True)
        (folder / "workspace").mkdir()
        for name, text in files.items():
            path = folder / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        for name, data in (workspace or {}).items():
            (folder / "workspace" / name).write_bytes(data)
        return folder

    def service(
        self,
        entry: Entry,
        name: str = "f",
        *,
        inputs: dict[str, str] | None = None,
        outputs: dict[str, str] | None = None,
        files: tuple[str, ...] = (),
    ) -> Service:
        return Service(
            key=ServiceKey.parse(name, "1.0"),
            owner="ann",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            runtime=RuntimeKind.PYTHON,
            entry=entry,
            schema=Schema(parameters(**(inputs or {})), parameters(**(outputs or {})), files),
        )

    def code(
        self,
        code: str,
        name: str = "f",
        bundle: Path | None = None,
        init: str | None = None,
        **schema: Any,
    ) -> ServiceKey:
        service = self.service(Entry(code=code, init_code=init), name, **schema)
        self.pool.place(service, bundle)
        return service.key

    def script(self, source: str, name: str = "f", **schema: Any) -> ServiceKey:
        service = self.service(Entry(EntryKind.SCRIPT, target="score.py"), name, **schema)
        self.pool.place(service, self.bundle({"score.py": source}))
        return service.key

    async def answer(self, key: ServiceKey, body: bytes | dict[str, Any] = b"{}") -> Answer:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.pool.submit(key, data, done.set_result)
        return await asyncio.wait_for(done, 30)

    async def call(self, key: ServiceKey, /, **inputs: Any) -> dict[str, Any]:
        answer = await self.answer(key, inputs)
        assert answer.error is None, answer.error
        found: dict[str, Any] = json.loads(answer.body)
        return found

    async def output(self, key: ServiceKey, name: str, /, **inputs: Any) -> Any:
        found = await self.call(key, **inputs)
        assert found["success"], found["errorMessage"]
        return found["outputParameters"][name]

    def calls(self) -> int:
        """Return how many calls there are that were not answered."""
        capacity = self.pool.capacity()
        return capacity.busy + capacity.queued


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
async def rig(tmp_path: Path, limits: Limits) -> AsyncIterator[Rig]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    rig = Rig(home, limits)
    await rig.pool.start()
    yield rig
    await rig.pool.stop(0)
