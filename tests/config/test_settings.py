import dataclasses

import pytest

from hermetic.config.settings import Settings


def test_connections_are_sealed_and_local_unless_told_otherwise() -> None:
    kestrel = Settings().kestrel
    assert (kestrel.host, kestrel.port, kestrel.https_enabled) == ("localhost", 12800, True)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().kestrel.port = 1  # type: ignore[misc]


def test_nothing_is_surprising_about_one_box() -> None:
    assert list(Settings().notes()) == []
