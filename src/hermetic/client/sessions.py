"""The sessions that a compute node keeps, as a web node asks for them; a `SessionHost`.

Their addresses are below `/sessions`; `compute/session_api` answers them.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote, unquote
from weakref import WeakValueDictionary

import msgspec

from hermetic.client.asking import STANDSTILL_S, Asker
from hermetic.client.content import Content
from hermetic.client.hosting import SessionArchive
from hermetic.errors import (
    BadInput,
    DeadlineExceeded,
    SessionNotFound,
    TrustFailure,
    Unavailable,
    Unreachable,
)
from hermetic.serving.bundle import Shelf
from hermetic.serving.schema import is_file_name
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import check_known, is_id
from hermetic.wire.messages import ConsoleOutputResponse, decode, encode
from hermetic.wire.sessions import HostedExecution, OpenHosted, SessionIds

LEFT_OUT = "x-left-out"
"""The field of an archive's answer that names objects left out: JSON, percent-encoded."""

# An execution has a deadline at its host, and this is no shorter.
_EXECUTE_S = 3700.0


class RemoteSessions:
    """The sessions of one compute node."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        # Questions go over several connections, so their order is kept here.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(self, session_id: str, runtime: RuntimeKind) -> None:
        """See `SessionHost.open`."""
        if not is_id(session_id):
            raise BadInput(f"{session_id[:80]!r} cannot be a session's id: use a UUID.")
        body = msgspec.json.encode(OpenHosted(runtime_type=runtime.value))
        await self._ask("PUT", f"/sessions/{session_id}", body)

    async def close(self, session_id: str, *, force: bool = False) -> None:
        """See `SessionHost.close`."""
        if is_id(session_id):
            path = f"/sessions/{session_id}{'/force' if force else ''}"
            await self._ask("DELETE", path, within_s=STANDSTILL_S)

    async def known(self, session_ids: Collection[str]) -> set[str]:
        """See `SessionHost.known`."""
        body = msgspec.json.encode(SessionIds(ids=sorted(session_ids)))
        return set(decode(await self._ask("POST", "/sessions/known", body), SessionIds).ids)

    async def names(self, session_id: str, shelf: Shelf) -> list[str]:
        """See `SessionHost.names`."""
        async with self._turn(session_id, shelf) as path:
            return decode(await self._ask("GET", f"{path}/{shelf}", within_s=_EXECUTE_S), list[str])

    async def write(
        self, session_id: str, shelf: Shelf, name: str, pieces: AsyncIterator[bytes]
    ) -> None:
        """See `SessionHost.write`."""
        if not is_file_name(name):
            raise BadInput(f"{name[:80]!r} is no plain name: use one without folders.")
        async with self._turn(session_id, shelf) as path:
            await self._ask("PUT", _below(path, shelf, name), pieces, within_s=None)

    async def read(self, session_id: str, shelf: Shelf, name: str) -> Content:
        """See `SessionHost.read`."""
        check_known(name)
        async with self._turn(session_id, shelf) as path, _answering():
            return (await self._asker.stream(_below(path, shelf, name))).content

    async def delete(self, session_id: str, shelf: Shelf, name: str) -> None:
        """See `SessionHost.delete`."""
        check_known(name)
        async with self._turn(session_id, shelf) as path:
            await self._ask("DELETE", _below(path, shelf, name), within_s=_EXECUTE_S)

    async def execute(
        self,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """See `SessionHost.execute`."""
        execution = HostedExecution(code=code, inputs=dict(inputs), outputs=list(outputs))
        body = encode(execution)
        async with self._turn(session_id) as path:
            return await self._ask("POST", f"{path}/execute", body, within_s=_EXECUTE_S)

    async def cancel(self, session_id: str) -> None:
        """See `SessionHost.cancel`."""
        await self._ask("POST", f"{_path(session_id)}/cancel")

    async def console_output(self, session_id: str) -> str:
        """See `SessionHost.console_output`."""
        answer = await self._ask("GET", f"{_path(session_id)}/console-output")
        return decode(answer, ConsoleOutputResponse).console_output

    async def history(self, session_id: str) -> list[str]:
        """See `SessionHost.history`."""
        return decode(await self._ask("GET", f"{_path(session_id)}/history"), list[str])

    async def keep(self, session_id: str) -> SessionArchive:
        """See `SessionHost.keep`."""
        async with self._turn(session_id) as path, _answering():
            streamed = await self._asker.stream(f"{path}/archive")
        left_out = decode(unquote(streamed.fields.get(LEFT_OUT, "[]")).encode(), list[str])
        return SessionArchive(streamed.content, tuple(left_out))

    async def fill(self, session_id: str, archive: Content) -> None:
        """See `SessionHost.fill`."""
        async with self._turn(session_id) as path:
            await self._ask(
                "PUT", f"{path}/archive", archive.pieces, size=archive.size, within_s=None
            )

    async def _ask(
        self,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None = None,
        *,
        size: int | None = None,
        within_s: float | None = 30.0,
    ) -> bytes:
        async with _answering():
            return await self._asker.ask(
                method, path, content=content, size=size, within_s=within_s
            )

    @asynccontextmanager
    async def _turn(self, session_id: str, shelf: Shelf = Shelf.WORKSPACE) -> AsyncIterator[str]:
        """Wait for those who asked before, where the order counts; yields the address."""
        path = _path(session_id)
        if shelf is Shelf.FILES:
            yield path
            return
        lock = self._turns.setdefault(session_id, asyncio.Lock())
        async with lock:
            yield path


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Say of a host that cannot be asked that it does not answer at present."""
    try:
        yield
    except (Unreachable, TrustFailure) as error:
        raise Unavailable(
            f"The node that keeps the session cannot be asked: {error.text}"
        ) from error
    except DeadlineExceeded as error:
        if error.__cause__ is None:  # the host's own, of an execution
            raise
        raise Unavailable(f"The node that keeps the session is late: {error.text}") from error


def _path(session_id: str) -> str:
    if not is_id(session_id):
        raise SessionNotFound(f"There is no session {session_id[:80]!r}.")
    return f"/sessions/{session_id}"


def _below(path: str, shelf: Shelf, name: str) -> str:
    return f"{path}/{shelf}/{quote(name, safe='')}"
