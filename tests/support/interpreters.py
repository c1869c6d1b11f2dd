"""Interpreters of sessions that only pretend to run: an execution names an object and its bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hermetic.errors import Gone, NotFound, Unavailable


class FolderInterpreters:
    """Takes over the objects with the first execution, as a real one does.

    The code `x=bytes` makes an object, `die` ends the interpreter, `busy` finds none to start.
    """

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.objects: dict[str, dict[str, bytes]] = {}
        self.ran: dict[str, list[str]] = {}
        self.dead: set[str] = set()
        self.cancelled: list[str] = []

    async def open(self, session_id: str, folder: Path) -> None:
        for shelf in ("files", "workspace"):
            (folder / shelf).mkdir(parents=True, exist_ok=True)
        self.folders[session_id] = folder

    async def close(self, session_id: str) -> None:
        self.folders.pop(session_id, None)

    async def execute(
        self,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        workspace = self._folder(session_id) / "workspace"
        if code == "busy":
            raise Unavailable("No interpreter could be started.")
        if session_id not in self.objects:
            self.objects[session_id] = {one.name: one.read_bytes() for one in workspace.iterdir()}
        self.ran.setdefault(session_id, []).append(code)
        if code == "die":
            self.dead.add(session_id)
        name, _, value = code.partition("=")
        self.objects[session_id][name] = value.encode()
        return b'{"success": true}'

    async def cancel(self, session_id: str) -> None:
        self._folder(session_id)
        self.cancelled.append(session_id)

    def console_output(self, session_id: str) -> str:
        return "".join(self.history(session_id))

    def history(self, session_id: str) -> Sequence[str]:
        self._folder(session_id)
        return self.ran.get(session_id, [])

    async def list_objects(self, session_id: str) -> Sequence[str]:
        return sorted(self._objects(session_id))

    async def read_object(self, session_id: str, name: str) -> bytes:
        return self._object(session_id, name)

    async def write_object(self, session_id: str, name: str, data: bytes) -> None:
        if session_id in self.objects:
            self._objects(session_id)[name] = data
        else:
            (self._folder(session_id) / "workspace" / name).write_bytes(data)

    async def delete_object(self, session_id: str, name: str) -> None:
        self._object(session_id, name)
        if session_id in self.objects:
            del self.objects[session_id][name]
        else:
            (self._folder(session_id) / "workspace" / name).unlink()

    async def dump_workspace(self, session_id: str) -> Sequence[str]:
        workspace = self._folder(session_id) / "workspace"
        for name, data in self._objects(session_id).items():
            (workspace / name).write_bytes(data)
        return []

    def _folder(self, session_id: str) -> Path:
        if session_id in self.dead:
            raise Gone("The interpreter died.")
        if session_id not in self.folders:
            raise NotFound(f"There is no session {session_id!r}.")
        return self.folders[session_id]

    def _objects(self, session_id: str) -> dict[str, bytes]:
        workspace = self._folder(session_id) / "workspace"
        if session_id in self.objects:
            return self.objects[session_id]
        return {one.name: one.read_bytes() for one in workspace.iterdir()}

    def _object(self, session_id: str, name: str) -> bytes:
        try:
            return self._objects(session_id)[name]
        except KeyError:
            raise NotFound(f"There is no object {name!r}.") from None
