"""The page on importing certificates, run as a reader would: every line, in its order."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.certificates.credential import pair
from hermetic.certificates.reading import read
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from tests.support.product import environment

pytestmark = [pytest.mark.slow, pytest.mark.system]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "import-certificates.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(PAGE.read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which every line of the page was typed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("reader")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = environment(HERMETIC_HOME=str(folder / "home")) | {"PATH": path}
    seen = ""
    for language, lines in BLOCKS:
        if language == "sh":
            typed = ["bash", "-euo", "pipefail", "-c", lines]
            done = subprocess.run(
                typed, cwd=folder, env=variables, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
            seen += done.stdout
    (folder / "seen").write_text(seen)
    return folder


def test_what_the_page_imports_is_chosen_by_the_settings_it_shows(folder: Path) -> None:
    (written,) = [json.loads(text) for language, text in BLOCKS if language == "json"]
    named = written["Kestrel"]["HttpsCertificate"]
    choice = Choice.parse(
        location=named["StoreLocation"],
        store=named["StoreName"],
        subject=named["SubjectName"],
        thumbprint=named["Thumbprint"],
    )
    stores = Stores(folder / "home" / "stores")
    assert len(stores.credentials(StoreLocation.LOCAL_MACHINE, StoreName.MY)) == 2
    found = stores.choose(choice, role=Role.API, at=datetime.now(UTC))
    newest = read((folder / "models.pem").read_bytes()).certificates[0]
    assert (found.chain.leaf, found.chain.names) == (newest, ("models.contoso.com",))
    assert [one.subject.rfc4514_string() for one in stores.roots()] == ["CN=Contoso Root,O=Contoso"]


def test_the_command_prints_the_settings_that_the_page_shows(folder: Path) -> None:
    (shown,) = [text for language, text in BLOCKS if language == "json"]
    assert shown in (folder / "seen").read_text()


def test_what_the_page_exports_is_whole_and_its_owners_alone(folder: Path) -> None:
    moved = folder / "moved.pfx"
    assert stat.S_IMODE(moved.stat().st_mode) == 0o600
    found = pair(read(moved.read_bytes(), passphrase=b"correct horse"))
    (leaf,) = read((folder / "chain.pem").read_bytes()).certificates
    assert found.chain.certificates == (leaf,)
