"""The web of a node offers its authority to others, whatever the node itself presents."""

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.wiring.facing import facing
from hermetic.wiring.parts import assembled
from hermetic.wiring.sealing import unsealed_listener
from tests.support.tokens import signing_key


async def test_our_authority_is_made_and_what_it_needs_runs_beside(home: Home) -> None:
    settings = Settings()
    async with assembled(home, settings, signing_key(), system_clock) as parts:
        sealing = unsealed_listener(home, system_clock)
        kept = parts.kept.database, signing_key()
        face = await facing(home, settings, sealing, parts.behind(sealing), kept)
    assert home.authority.is_dir()
    assert len(face.tasks) == 2
    assert not home.ca.exists()  # clients are not told to trust what is not presented
