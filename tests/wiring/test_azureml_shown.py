"""Certificates of front ends among those of the node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.certstore.files import FileStore
from hermetic.config.acme import Acme
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.config.sections import Certificates
from hermetic.errors import Unreachable
from hermetic.gateway.certification import Certification
from hermetic.gateway.frontends import FrontEnd
from hermetic.serving.frontend import FrontEndTls, TlsState
from hermetic.wiring.azureml_shown import STORAGE, source_of, with_front_ends_shown
from hermetic.wiring.sealing import Sealing
from tests.support.deploying import Deck, deck_in

AUTO = FrontEnd("compute/one", FrontEndTls(TlsState.AUTO, "one.local.hermetic.internal"))
FILES = FrontEnd(STORAGE, FrontEndTls(TlsState.AUTO, "hermetic.blob.hermetic.internal"))
CERTIFICATES = Certificates(names=("a.test",), acme=Acme("https://acme.test/directory"))


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


async def shown(deck: Deck, home: Home) -> Sealing:
    """Return what shows two front ends whose names an ACME server certifies."""

    async def keep(_name: str, _credential: object) -> None:
        return

    for one in (AUTO, FILES):
        credential = await deck.front_ends.issued(one.tls.host)
        held = FrontEnd(one.name, one.tls, credential)
        await deck.front_ends.hold(held, keep)
    store = FileStore(home.certificates)
    certification = Certification(store, {}, deck.clock)
    before = Sealing(store, None, None, certification, (), None, deck.clock)
    return with_front_ends_shown(before, deck.front_ends, "ACME server")


async def test_each_is_shown_with_who_certifies_it(deck: Deck, home: Home) -> None:
    sealing = await shown(deck, home)
    told = {one.entry: one.kept.source for one in sealing.certification.views()}
    assert told == {"front-end-compute/one": "ACME server", "front-end-storage": "our authority"}
    assert set(sealing.further()) == set(told)


async def test_what_could_not_be_renewed_says_why(deck: Deck, home: Home) -> None:
    sealing = await shown(deck, home)
    deck.issuer.trusted, deck.issuer.failing = False, Unreachable("The server is down.")
    await deck.front_ends.turn()
    told = {one.last_error for one in sealing.certification.views()}
    assert told == {"The server is down."}


@pytest.mark.parametrize(
    ("issuer", "words"),
    [("authority", "our authority"), ("acme", "ACME https://acme.test/directory")],
)
def test_who_certifies_is_told_in_words(issuer: str, words: str) -> None:
    assert source_of(AzureMl(issuer=issuer), CERTIFICATES) == words
