"""`hermetic azureml env`: what is printed, and what is written."""

import json
import shlex
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.config.home import Home
from tests.support.played_node import Played

TOLD = {
    "variables": {"MSI_SECRET": "a $ecret", "AZUREML_CURRENT_CLOUD": "AzureCloud"},
    "config": {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"},
    "authority": "-----BEGIN CERTIFICATE-----",
    "names": ["localhost", "none.hermetic.invalid"],
    "address": "127.0.0.1",
}


@pytest.fixture
def told(logged_in: Played) -> Played:
    logged_in.answers["POST /azureml/environment"] = json.dumps(TOLD).encode()
    return logged_in


def test_a_shell_reads_what_is_printed(
    told: Played, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["azureml", "env"]) == 0
    shown = capsys.readouterr()
    lines = [shlex.split(line) for line in shown.out.splitlines()]
    variables = dict(line[1].split("=", 1) for line in lines)
    assert variables["MSI_SECRET"] == "a $ecret"
    assert variables["REQUESTS_CA_BUNDLE"] == variables["SSL_CERT_FILE"]
    bundle = Path(variables["SSL_CERT_FILE"]).read_text()
    assert bundle.endswith("-----BEGIN CERTIFICATE-----")
    assert "none.hermetic.invalid does not resolve" in shown.err
    assert "localhost" not in shown.err


def test_its_folder_is_its_owners_and_begins_anew(
    told: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    (folder / "cloudEndpoints.json").write_text("{}")
    assert main.run(["azureml", "env", "--folder", str(folder), "--json"]) == 0
    variables = json.loads(capsys.readouterr().out)["variables"]
    assert variables["AZURE_CONFIG_DIR"] == str(folder)
    assert not (folder / "cloudEndpoints.json").exists()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_workspace_is_described_where_its_client_looks(
    told: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["azureml", "env", "--write-config", str(tmp_path)]) == 0
    written = json.loads((tmp_path / ".azureml" / "config.json").read_text())
    assert written == TOLD["config"]
    assert "a $ecret" not in (tmp_path / ".azureml" / "config.json").read_text()


def test_who_is_not_logged_in_is_told_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["azureml", "env", "--url", "https://localhost:1"]) == 77
    assert "hermetic login" in capsys.readouterr().err
