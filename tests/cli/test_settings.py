import json

import pytest

from hermetic.cli import main
from hermetic.config.home import Home

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
