import pytest

from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.errors import BadInput, Conflict
from hermetic.wiring.setting_up import begin_accounts
from tests.support.product import PASSWORD

OTHER = "An0ther-Word!"


@pytest.mark.slow
@pytest.mark.parametrize("settings", [Settings(), WebSettings()])
async def test_the_first_account_is_made_once(home: Home, settings: Settings | WebSettings) -> None:
    with pytest.raises(BadInput, match="too weak"):
        await begin_accounts(home, settings, "weak")
    await begin_accounts(home, settings, PASSWORD)
    await begin_accounts(home, settings, PASSWORD)
    with pytest.raises(Conflict, match="password set"):
        await begin_accounts(home, settings, OTHER)
    await begin_accounts(home, settings, PASSWORD)
