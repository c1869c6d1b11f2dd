"""How a web node is known to others."""

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.sections import Certificates
from hermetic.config.web import WebSettings
from hermetic.registry.revisions import Kind
from hermetic.wiring.company import Identity, identity_of
from hermetic.wiring.presenting import seal
from hermetic.wiring.wish import wish_of
from tests.support.tokens import signing_key


def test_an_identity_shows_its_key_to_nobody_and_its_digest_to_all() -> None:
    one, same, other = (Identity("https://web-1", signing_key(which)) for which in (0, 0, 1))
    rows = [identity.row(system_clock) for identity in (one, same, other)]
    assert rows[0].signing_key == rows[1].signing_key != rows[2].signing_key
    assert len({row.id for row in rows}) == 3
    assert rows[0].seen == dict.fromkeys(Kind, 0)
    assert "key" not in repr(one)


async def test_it_goes_by_the_first_name_of_the_settings_or_else_of_its_certificate(
    home: Home,
) -> None:
    plain = WebSettings()
    sealing = await seal(
        home, wish_of(Role.API, ("localhost", "*.a.example", "web.example"), plain), system_clock
    )
    found = identity_of(plain, sealing, 12800, signing_key())
    assert found.url == "https://web.example:12800"
    named = WebSettings(certificates=Certificates(names=("api.example", "web.example")))
    found = identity_of(named, sealing, 12800, signing_key())
    assert found.url == "https://api.example:12800"
