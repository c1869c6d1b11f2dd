"""A web node with an authority of its own, and what joins it by tokens."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from hermetic.config.home import Home
from tests.support.installation import Node
from tests.support.product import environment


class Own(Node):
    """A node whose settings lie in its home, as `hermetic node join` writes them."""

    @property
    def file(self) -> Path:
        return self.home / "appsettings.json"

    def typed(self, *words: str, told: str = "", code: int = 0) -> Any:
        """Type a command as the owner of this home; return what it says in JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "hermetic.cli.main", *words, "--json"],
            env=environment(HERMETIC_HOME=str(self.home), **self.around),
            input=told,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    def gives(self, *names: str, role: str = "compute") -> dict[str, Any]:
        """Return a token for *names*."""
        options = [word for name in names for word in ("--name", name)]
        given: dict[str, Any] = self.typed("node", "token", "--role", role, *options)
        return given


def node(role: str, folder: Path, settings: dict[str, Any], address: str) -> Own:
    """Prepare a node at *address*, that listens there."""
    home = Home(folder)
    home.create()
    kestrel = {"Host": address, "HttpsEnabled": True}
    made = Own(role, home.root, address, {"Kestrel": kestrel, **settings}, home.ca)
    made.write()
    return made


def network() -> str:
    """Return the first three numbers of addresses of this machine that nobody has."""
    return f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}"
