"""What `certificate issue --acme` refuses before anybody is asked."""

import json
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.config.home import Home

Captured = pytest.CaptureFixture[str]
NAME = "models.example.com"


def asked(home: Home, *more: str) -> int:
    words = ["--acme", "https://127.0.0.1:1/directory", "--home", str(home.root), "--name", NAME]
    return main.run(["certificate", "issue", *words, *more])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"Certificates": {"Names": ["old.example.com", NAME]}}, "old.example.com"),
        ({"Certificates": {"Folder": "/etc/tls"}}, "Certificates.Folder"),
        (
            {
                "Kestrel": {"HttpsCertificate": {"SubjectName": "CN=x"}},
                "BackEndConfiguration": {"Uris": {"Values": ["https://c:1"]}},
            },
            "HttpsCertificate",
        ),
        ({"Kestrel": {"Port": "many"}}, "Kestrel.Port"),
    ],
)
def test_settings_that_say_otherwise_are_not_overruled(
    home: Home, capsys: Captured, settings: dict[str, object], told: str
) -> None:
    home.create()
    home.settings.write_text(json.dumps(settings))
    before = home.settings.read_bytes()
    assert asked(home) in {65, 78}
    assert told in capsys.readouterr().err
    assert home.settings.read_bytes() == before
    assert not home.certificates.exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--challenge", "dns-01", "--dns-server", "ns.test"), "10.0.0.53"),
        (("--out", "/none/models.pem"), "no folder /none"),
        (("--role", "signing"), "signing"),
    ],
)
def test_options_that_cannot_be_meant_are_told(
    home: Home, tmp_path: Path, capsys: Captured, more: tuple[str, ...], told: str
) -> None:
    assert asked(home, *more) == 65
    assert told in capsys.readouterr().err
