"""Where there is a face of Azure ML: on one box, and on a web node that is alone."""

from dataclasses import replace

import pytest

from hermetic.clock import system_clock
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import ConnectionStrings, ServerDatabase, WebSettings
from hermetic.wiring.azureml_standing import Standing, on_box
from hermetic.wiring.parts import assembled
from tests.support.tokens import signing_key

SHARED = ConnectionStrings(postgresql=ServerDatabase(enabled=True, connection="Host=db"))


async def standing(home: Home, settings: Settings | WebSettings) -> Standing:
    async with assembled(home, Settings(), signing_key(), system_clock) as parts:
        return replace(on_box(Settings(), parts, 12800), settings=settings)


@pytest.mark.parametrize("settings", [Settings(), WebSettings()])
async def test_it_is_there_unless_told_otherwise(
    home: Home, settings: Settings | WebSettings
) -> None:
    there = await standing(home, settings)
    assert there.carries()
    without = replace(settings, azureml=AzureMl(enabled=False))
    assert not replace(there, settings=without).carries()


async def test_it_is_not_where_a_database_may_be_shared(home: Home) -> None:
    shared = WebSettings(connection_strings=SHARED)
    assert not (await standing(home, shared)).carries()


async def test_one_box_runs_what_it_unpacks(home: Home) -> None:
    there = await standing(home, Settings())
    assert (there.interface, there.port, there.unpacks) == ("localhost", 12800, True)
