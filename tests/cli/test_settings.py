import json
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.config.home import Home
from tests.support import old_settings as old

Captured = pytest.CaptureFixture[str]


def test_every_setting_is_explained_with_where_it_comes_from(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.settings.write_text('\ufeff{"Kestrel": {"Port": 443}}', encoding="utf-8")
    monkeypatch.setenv("HERMETIC__Pool__MaxSize", "7")
    assert main.run(["settings", "explain", "--json"]) == 0
    found = {one["key"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["Kestrel.Port"]["value"] == 443
    assert found["Kestrel.Port"]["origin"] == f"{home.settings}:1:14"
    assert found["Pool.MaxSize"]["origin"] == "variable HERMETIC__Pool__MaxSize"
    assert found["Tls.Profile"]["origin"] == "default"


def test_they_are_explained_to_people_too(home: Home, capsys: Captured) -> None:
    assert main.run(["settings", "explain"]) == 0
    line = next(
        one for one in capsys.readouterr().out.splitlines() if one.startswith("Kestrel.Port")
    )
    assert line.split()[1:3] == ["12800", "default"]


def test_a_faulty_file_exits_with_78_and_its_place(home: Home, capsys: Captured) -> None:
    home.settings.write_text('{"Kestrel": {"Host": "a"\n "Port": 443}}')
    assert main.run(["settings", "explain"]) == 78
    assert f"{home.settings}:1:25: a comma is missing after Host" in capsys.readouterr().err


def test_a_file_of_a_web_node_is_checked_as_one(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "appsettings.json"
    file.write_text(old.WEB_9_0_1, encoding="utf-16")
    assert main.run(["settings", "check", "--role", "web", "--settings", str(file)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("The settings are good for a web node:")
    assert f"{file}:9:5: The node speaks plain HTTP, and nobody else reaches it" in printed.err
    assert old.HASH not in printed.out + printed.err


def test_a_check_in_json_holds_the_notes(home: Home, capsys: Captured) -> None:
    home.settings.write_text('{"Logging": {"LogsPath": "/var/log"}}')
    assert main.run(["settings", "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["role"], found["file"]) == ("box", str(home.settings))
    assert [(one["key"], one["origin"]) for one in found["notes"]] == [
        ("Logging.LogsPath", f"{home.settings}:1:14")
    ]


@pytest.mark.parametrize(
    ("role", "text", "sentence"),
    [
        ("web", '{"Pool": {"MaxSize": 9}}', ":1:11: a web node has no setting Pool.MaxSize, but"),
        ("web", '{"Authentication": {"LDAP": {"Enabled": true}}}', ":1:30: Authentication.LDAP."),
        ("compute", '{"ClientCertificate": {"Enabled": true}}', ":1:24: ClientCertificate is"),
        ("box", '{"Kestrel": {"Port": "x"}}', ":1:14: Kestrel.Port takes a whole number"),
    ],
)
def test_what_would_not_start_exits_with_78_and_its_place(
    home: Home, capsys: Captured, role: str, text: str, sentence: str
) -> None:
    home.settings.write_text(text)
    assert main.run(["settings", "check", "--role", role]) == 78
    assert f"hermetic: {home.settings}{sentence}" in capsys.readouterr().err


def test_a_home_needs_no_file_but_a_file_that_is_named_must_be_there(
    home: Home, capsys: Captured
) -> None:
    assert main.run(["settings", "check", "--role", "compute"]) == 0
    assert main.run(["settings", "check", "--settings", str(home.root / "none.json")]) == 78
    assert "There is no settings file" in capsys.readouterr().err


def test_secrets_and_durations_are_explained_as_such(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC__ConnectionStrings__postgresql__Connection", "Password=s3cret")
    assert main.run(["settings", "explain", "--role", "web", "--json"]) == 0
    found = {one["key"]: one["value"] for one in json.loads(capsys.readouterr().out)}
    assert found["ConnectionStrings.postgresql.Connection"] == "(secret)"
    assert found["ConnectionStrings.sqlserver.Connection"] == ""
    assert found["BackEndConfiguration.ConnectionTimeout"] == "00:10:00"
    assert found["Kestrel.HttpsCertificate.Enabled"] is None
    assert main.run(["settings", "explain", "--role", "web"]) == 0
    assert "s3cret" not in capsys.readouterr().out
