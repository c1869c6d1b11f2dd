"""What a worker is told to load, and what its answers mean to the node."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hermetic.compute.environments import Environments
from hermetic.compute.limits import Limits
from hermetic.errors import (
    BadInput,
    HermeticError,
    InputMismatch,
    MalformedBody,
    Mismatch,
    NotFound,
    ServiceUnloadable,
)
from hermetic.serving.service import Service

_FIRST_UID, _UIDS = 61184, 4000
"""Users that no account has: systemd keeps this range for its dynamic users."""


class Orders:
    """Writes the LOAD frames of one node's workers."""

    def __init__(
        self,
        limits: Limits,
        readable: Sequence[Path],
        hidden: Path,
        environments: Environments | None = None,
    ) -> None:
        """Write them; *environments* are those of services that need packages."""
        self._limits, self._environments = limits, environments
        self._readable = [str(path.absolute()) for path in readable]
        self._hidden = str(hidden.resolve())

    async def prepare(self, service: Service) -> str:
        """See to it that what *service* needs is installed; return what was said of it.

        Raises:
            ServiceUnloadable: It cannot be.
        """
        needed = service.entry.requirements
        if not needed:
            return ""
        if self._environments is None:
            raise ServiceUnloadable("No packages are installed on this node.")
        return f"{(await self._environments.ensure(needed)).rstrip()}\n"

    def _python(self, needed: tuple[str, ...]) -> Path | None:
        """Return the interpreter of an environment with what is *needed*; else the worker's own."""
        if not needed or self._environments is None:
            return None
        if not self._environments.is_ready(needed):
            raise FileNotFoundError("the environment of its packages is gone, deploy it again")
        return self._environments.python(needed)

    def service(self, service: Service, bundle: Path | None, worker: int, folder: Path) -> bytes:
        """Return the order to load *service*, for a worker with that number and *folder*.

        Raises:
            OSError: The folder cannot be prepared, or what it needs is not installed.
        """
        entry = service.entry
        needed, python = [] if bundle is None else [bundle], self._python(entry.requirements)
        if python is not None:
            needed += [python.parents[1], Path(__file__).parents[1]]
        return self._order(
            worker,
            folder,
            needed,
            {
                "python": None if python is None else str(python),
                "kind": entry.kind.value,
                "code": entry.code,
                "init_code": entry.init_code,
                "target": entry.target,
                "variables": entry.variables,
                "inputs": [(one.name, one.type.value) for one in service.schema.inputs],
                "outputs": [(one.name, one.type.value) for one in service.schema.outputs],
                "files": list(service.schema.files),
                "bundle": None if bundle is None else str(bundle.resolve()),
                "folder": str(folder.resolve() / "call"),
                "own": [str(folder.resolve())],
            },
        )

    def session(self, session: Path, worker: int, folder: Path) -> bytes:
        """Return the order to become the interpreter of the session whose folder is *session*."""
        files, workspace = session.resolve() / "files", session.resolve() / "workspace"
        return self._order(
            worker,
            folder,
            [workspace],
            {
                "kind": "session",
                "folder": str(files),
                "workspace": str(workspace),
                "own": [str(folder.resolve()), str(files)],
            },
            own_user=False,
        )

    def _order(
        self,
        worker: int,
        folder: Path,
        needed: Sequence[Path],
        order: Mapping[str, object],
        *,
        own_user: bool = True,
    ) -> bytes:
        limits = self._limits
        user = user_for(worker, [folder.parent, *needed]) if own_user else None
        if user is not None:
            for path in (folder, folder / "home"):
                os.chown(path, user, user)
        common = {
            "answer": limits.answer,
            "console": limits.console,
            "bounds": [limits.memory, limits.file_size, limits.open_files, limits.processes],
            "readable": [*self._readable, *(str(path.resolve()) for path in needed)],
            "hidden": self._hidden,
            "uid": user,
        }
        return json.dumps({**common, **order}).encode()


def user_for(worker: int, needed: Sequence[Path]) -> int | None:
    """Return the user that a worker can be, if this process may change users and it gains by it.

    `None` where another user could not reach what the worker needs, such as a home below a
    folder that is closed to others: there Landlock alone has to keep it from the rest.
    """
    package = Path(__file__).parent
    if os.geteuid() != 0 or not all(map(_is_open, (package, *needed))):
        return None
    return _FIRST_UID + worker % _UIDS


def _is_open(path: Path) -> bool:
    """Whether any user can enter *path* and all folders above it."""
    real = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (real, *real.parents))


def told(payload: bytes, *members: str) -> dict[str, Any]:
    """Return the object that a worker sent, in which *members* are.

    Raises:
        MalformedBody: It is no such thing; the code of a service can write to its worker's socket.
    """
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MalformedBody("A worker sent what is no JSON.") from error
    if not isinstance(found, dict) or not found.keys() >= set(members):
        raise MalformedBody("A worker sent another object than was expected.")
    return found


def refusal(payload: bytes) -> HermeticError:
    """Return the error that a worker refused a call with."""
    sent = told(payload, "text", "type")
    text = str(sent["text"])
    match sent["type"]:
        case "malformed-body":
            return MalformedBody(text)
        case "input-mismatch":
            return InputMismatch(
                text, [Mismatch(one["pointer"], one["message"]) for one in _places(sent)]
            )
        case "not-found":
            return NotFound(text)
        case "bad-input":
            return BadInput(text)
        case _:
            return HermeticError(text)


def _places(sent: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    places = sent.get("errors")
    if isinstance(places, list) and all(isinstance(one, dict) for one in places):
        return [{key: str(one.get(key, "")) for key in ("pointer", "message")} for one in places]
    raise MalformedBody("A worker sent no places.")
