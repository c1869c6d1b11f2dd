from pathlib import Path

import pytest

from hermetic.diagnostics import home


def codes(root: Path, me: int) -> list[str]:
    return [one.code for one in home.look(root, [root / "keys"], me)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir(mode=0o700)
    (place / "keys").mkdir()
    (place / "keys" / "tls.key").touch(mode=0o600)
    return place


def test_a_home_of_somebody_else_is_told_and_not_looked_into(root: Path) -> None:
    owner = root.stat().st_uid
    assert codes(root, owner) == ["home.fine", "disk.fine"]
    (found,) = home.look(root, [root / "keys"], owner + 1)
    assert found.code == "home.foreign"
    assert found.remedy == f"sudo -u '#{owner}' hermetic diagnose --home {root}"


def test_only_a_few_of_many_open_keys_are_told(root: Path) -> None:
    for number in range(20):
        (root / "keys" / f"{number}.key").touch(mode=0o644)
    assert codes(root, root.stat().st_uid).count("key.open") == 5


@pytest.mark.parametrize(
    ("free", "code"),
    [(home.FULL - 1, "disk.full"), (home.LOW - 1, "disk.low"), (home.LOW, "disk.fine")],
)
def test_a_disk_is_judged_by_what_is_free(
    root: Path, monkeypatch: pytest.MonkeyPatch, free: int, code: str
) -> None:
    usage = type("Usage", (), {"free": free, "total": 10 * home.LOW})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert home.room(root).code == code
