"""Virtual environments for scripts that need more than the node has: one for each list of packages.

Each is built once and kept.  Only wheels are installed, so nothing of a package runs before a
worker, confined, imports it.  The workers' own code is put in by a link to it.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from hermetic.compute.folder import remove_tree
from hermetic.errors import ServiceUnloadable
from hermetic.log import logger
from hermetic.serving.requirements import digest

PACKAGE = Path(__file__).resolve().parents[1]
"""The workers' own code."""

_READY = "ready"
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

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self._folder, self._python = folder, python
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
                return f"The environment {place.name[:12]} was built before."
            await asyncio.to_thread(_emptied, place)
            said = await self._build(place, requirements)
            (place / _READY).touch()
        log.info("environment.built", digest=place.name, packages=len(requirements))
        return said

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
