"""Virtual environments for scripts that need more than the node has: one for each list of packages.

Each is built once and kept, until a day after it was last seen in use.  Only wheels are installed,
so nothing of a package runs before a worker, confined, imports it.  The workers' own code is put
in by a link to it.
"""

import asyncio
import os
import re
import secrets
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from hermetic.clock import Clock
from hermetic.compute.folder import remove_tree
from hermetic.errors import ServiceUnloadable
from hermetic.log import logger
from hermetic.serving.requirements import digest

PACKAGE = Path(__file__).resolve().parents[1]
"""The workers' own code."""

GRACE = timedelta(days=1)
"""How long one that is not used stays: longer than the last calls of what was deployed with it, and
than it takes to deploy again what failed."""

_READY = "ready"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_DOOMED = ".doomed-"
_WITHIN_S = 900.0
_LAST_LINES = 40
_ENVIRONMENT: tuple[str, ...] = (
    "PATH",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PIP_INDEX_URL",
)
_ENVIRONMENT += (
    "PIP_EXTRA_INDEX_URL",
    "PIP_CONFIG_FILE",
    "PIP_CERT",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "HTTPS_PROXY",
)

log = logger(__name__)


class Environments:
    """The environments in *folder*, for the interpreter *python*."""

    def __init__(self, folder: Path, clock: Clock, python: str = sys.executable) -> None:
        self._folder, self._clock, self._python = folder, clock, python
        self._building: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def python(self, requirements: tuple[str, ...]) -> Path:
        """Return the interpreter that has *requirements*, which may not have been built yet."""
        return self._place(requirements) / "bin" / "python"

    def is_ready(self, requirements: tuple[str, ...]) -> bool:
        """Whether the environment of *requirements* was built."""
        return (self._place(requirements) / _READY).exists()

    async def ensure(self, requirements: tuple[str, ...]) -> str:
        """Build the environment of *requirements* if it is not there; return what was said of it.

        Raises:
            ServiceUnloadable: Something cannot be installed; its traceback is what was said.
        """
        place = self._place(requirements)
        async with self._building.setdefault(place.name, asyncio.Lock()):
            if self.is_ready(requirements):
                await asyncio.to_thread(self._see, place)
                return f"The environment {place.name[:12]} was built before."
            await asyncio.to_thread(_emptied, place)
            said = await self._build(place, requirements)
            (place / _READY).touch()
            await asyncio.to_thread(self._see, place)
        log.info("environment.built", digest=place.name, packages=len(requirements))
        return said

    async def sweep(self, used: Collection[tuple[str, ...]]) -> None:
        """Remove environments that were not seen in use for `GRACE`.

        Args:
            used: The requirements of all that is deployed; what is being deployed has just been
                built, or seen by `ensure`.
        """
        kept = {self._place(one).name for one in used}
        try:
            for place in await asyncio.to_thread(_within, self._folder):
                await self._sweep_one(place, is_used=place.name in kept)
        except OSError as error:
            log.warning("environment.not_swept", cause=str(error))

    async def _sweep_one(self, place: Path, *, is_used: bool) -> None:
        if place.name.startswith(_DOOMED):
            await asyncio.to_thread(remove_tree, str(place))
            return
        if is_used:
            await asyncio.to_thread(self._see, place)
        if is_used or not _DIGEST.match(place.name):
            return
        # Whoever wants it meanwhile waits, and builds it again.
        async with self._building.setdefault(place.name, asyncio.Lock()):
            doomed = await asyncio.to_thread(self._set_aside, place)
        if doomed is not None:
            await asyncio.to_thread(remove_tree, str(doomed))
            log.info("environment.swept", digest=place.name)

    def _see(self, place: Path) -> None:
        now = self._clock().timestamp()
        with suppress(FileNotFoundError):  # deployed, and removed by hand
            os.utime(place / _READY, (now, now))

    def _set_aside(self, place: Path) -> Path | None:
        """Rename *place*, if it was not seen in use lately, so that nobody finds it any more."""
        ready = place / _READY
        # One that was cut short counts from when it was begun.
        seen = (ready if ready.exists() else place).stat().st_mtime
        if self._clock().timestamp() - seen < GRACE.total_seconds():
            return None
        return place.rename(place.with_name(f"{_DOOMED}{secrets.token_hex(8)}"))

    def _place(self, requirements: tuple[str, ...]) -> Path:
        return self._folder / digest(requirements, sys.version)

    async def _build(self, place: Path, requirements: tuple[str, ...]) -> str:
        uv = shutil.which("uv")
        python = str(place / "bin" / "python")
        if uv is not None:
            await _run([uv, "venv", "--quiet", "--python", self._python, str(place)], place)
            wheels = [uv, "pip", "install", "--no-build", "--python", python]
        else:
            await _run([self._python, "-I", "-m", "venv", str(place)], place)
            wheels = [python, "-I", "-m", "pip", "install", "--only-binary", ":all:"]
            wheels += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        said = await _run([*wheels, *requirements], place)
        packages = next((place / "lib").glob("python*/site-packages"))
        with suppress(FileNotFoundError):  # nobody published one of our name, it is to be hoped
            remove_tree(str(packages / PACKAGE.name))
        (packages / PACKAGE.name).symlink_to(PACKAGE)
        return said


def _within(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _emptied(place: Path) -> None:
    if place.exists():
        remove_tree(str(place))
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)


async def _run(command: Sequence[str], place: Path) -> str:
    """Run *command* and return what it said, or raise `ServiceUnloadable` with it."""
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**known, "HOME": str(place.parent), "PIP_NO_CACHE_DIR": "1"},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise ServiceUnloadable(
            f"The environment was not built within {_WITHIN_S / 60:g} minutes: ask for less, or see"
            " why the package index is slow."
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
    said = output.decode("utf-8", "replace")
    if process.returncode:
        lines = [line for line in said.splitlines() if line.strip()]
        told = [number for number, one in enumerate(lines) if "error" in one.lower()]
        last = " ".join(" ".join(lines[told[-1] if told else -1 :]).split())
        raise ServiceUnloadable(
            f"The packages of its environment cannot be installed: {last[:300]}",
            "\n".join(lines[-_LAST_LINES:]),
        )
    return said
