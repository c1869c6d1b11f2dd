import dataclasses

import pytest

from hermetic.config.settings import Kestrel, Pool, Settings
from hermetic.errors import BadConfiguration


def test_connections_are_sealed_and_local_unless_told_otherwise() -> None:
    kestrel = Settings().kestrel
    assert (kestrel.host, kestrel.port, kestrel.https_enabled) == ("localhost", 12800, True)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().kestrel.port = 1  # type: ignore[misc]


def test_a_pool_that_starts_larger_than_it_may_grow_is_refused() -> None:
    with pytest.raises(BadConfiguration, match=r"Pool.InitialSize is 6 and Pool.MaxSize 5"):
        Settings(pool=Pool(initial_size=6, max_size=5))


def test_a_pool_may_start_as_large_as_it_may_grow() -> None:
    assert Settings(pool=Pool(initial_size=5, max_size=5)).pool.max_size == 5


def test_every_setting_says_what_it_means() -> None:
    assert all(one.metadata["meaning"] for one in dataclasses.fields(Kestrel))
