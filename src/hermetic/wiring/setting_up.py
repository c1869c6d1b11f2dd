"""The account every installation begins with, made before its first node starts."""

from hermetic.access.principals import ADMINISTRATOR
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.errors import Conflict, Unauthenticated
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from hermetic.wiring.keeping import kept_as_told, kept_in
from hermetic.wiring.unsealing import opened


async def begin_accounts(home: Home, settings: Settings | WebSettings, password: str) -> None:
    """Make the administrator's account in the database of *home* or of *settings*.

    Raises:
        Conflict: There is one already with another password, which stays.
        BadInput: The password is too weak.
        BadConfiguration: The database cannot be used.
    """
    if isinstance(settings, WebSettings):
        kept = kept_as_told(home, opened(home, settings), system_clock)
    else:
        kept = kept_in(home, settings.limits.upload_bytes, system_clock)
    passwords = Passwords()
    try:
        await kept.database.open()
        accounts = LocalAccounts(kept.principals, passwords)
        await accounts.start(password)
        await accounts.verify(ADMINISTRATOR, password)
    except Unauthenticated as error:
        raise Conflict(
            "There is an administrator already, and the password stays:"
            " `hermetic az ml admin password set` changes it."
        ) from error
    finally:
        await passwords.close()
        await kept.database.close()
