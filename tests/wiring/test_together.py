"""A web node orders alone, or one for all where they share a database."""

from dataclasses import replace

import pytest

from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.config.sections import Certificates, NodeKestrel
from hermetic.config.web import ConnectionStrings, ServerDatabase, WebSettings
from hermetic.wiring.keeping import kept_in
from hermetic.wiring.together import token_key, wished
from tests.support.tokens import signing_key

ACME = Certificates(names=("a.test",), acme=Acme(directory="https://acme.test/directory"))
DATABASE = ServerDatabase(enabled=True, connection="Host=db;Database=x;User ID=y")
PLAIN = WebSettings(kestrel=NodeKestrel(port=0, https_enabled=True))


@pytest.mark.parametrize("acme", [False, True])
@pytest.mark.parametrize("postgresql", [False, True])
def test_only_who_has_both_orders_for_others(home: Home, acme: bool, postgresql: bool) -> None:
    settings = replace(PLAIN, certificates=ACME) if acme else PLAIN
    if postgresql:
        settings = replace(settings, connection_strings=ConnectionStrings(postgresql=DATABASE))
    kept = kept_in(home, 1000, system_clock)
    wish = wished(settings, ("localhost",), kept, signing_key())
    assert wish is not None
    assert (wish.sharing is not None) is (acme and postgresql)


def test_who_speaks_plain_http_wishes_for_nothing(home: Home) -> None:
    settings = WebSettings(kestrel=NodeKestrel(https_enabled=False))
    assert wished(settings, (), kept_in(home, 1000, system_clock), signing_key()) is None


async def test_the_key_of_tokens_is_made_once(home: Home) -> None:
    first = await token_key(home, PLAIN, system_clock)
    again = await token_key(home, PLAIN, system_clock)
    assert first.private_numbers() == again.private_numbers()
