"""A home for what is put together."""

from pathlib import Path

import pytest

from hermetic.config.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HERMETIC_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.create()
    return home
