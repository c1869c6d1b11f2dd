"""The certificates of a node, shown and renewed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import BadConfiguration, BadInput, CertificateRejected, NotFound, NotPermitted
from hermetic.gateway.certification import Certification, Kept

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = Principal("ada", Role.OWNER)


def made(days: int = 1) -> Credential:
    """Make a credential that lasts for *days*."""
    return self_signed(generate(KeyKind.EC_P256), name="test", now=NOW, life=timedelta(days=days))


class Renewing:
    """Renews one entry of a store with whatever it makes."""

    next_at = NOW + timedelta(hours=16)
    last_error: str | None = "The authority does not answer."
    doing = "asks https://acme.test/order/1, again in 5 s"

    def __init__(self, store: FileStore) -> None:
        self._store = store

    async def renew_now(self) -> Credential:
        credential = made(2)
        self._store.write("api", credential)
        return credential


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path)
    store.write("api", made())
    store.write("token-signing", made(90))
    return store


@pytest.fixture
def presented() -> list[tuple[str, Credential]]:
    return []


@pytest.fixture
def certification(store: FileStore, presented: list[tuple[str, Credential]]) -> Certification:
    return Certification(
        store,
        {"api": Kept("api", "a test", Renewing(store))},
        TurnedClock(NOW),
        present=lambda entry, credential: presented.append((entry, credential)),
    )


async def test_every_entry_is_shown_with_its_next_renewal(certification: Certification) -> None:
    views = await certification.certificates(OWNER)
    assert [(one.entry, one.next_at, one.last_error) for one in views] == [
        ("api", Renewing.next_at, "The authority does not answer."),
        ("token-signing", None, None),
    ]


async def test_a_renewed_entry_is_presented_and_shown(
    certification: Certification, presented: list[tuple[str, Credential]]
) -> None:
    view = await certification.renew(OWNER, "api")
    ((entry, credential),) = presented
    assert (entry, credential.chain) == ("api", view.chain)
    assert (await certification.certificates(OWNER))[0].chain == view.chain


async def test_what_cannot_be_presented_is_the_callers_to_know(store: FileStore) -> None:
    def refuse(entry: str, credential: Credential) -> None:
        raise CertificateRejected("wrong-name", "It is for another name.")

    certification = Certification(
        store, {"api": Kept("api", "a test", Renewing(store))}, TurnedClock(NOW), present=refuse
    )
    with pytest.raises(CertificateRejected, match="another name"):
        await certification.renew(OWNER, "api")


@pytest.mark.parametrize(
    ("entry", "error"), [("nothing", NotFound), ("token-signing", BadInput), ("../api", NotFound)]
)
async def test_what_is_not_renewed_here_is_refused(
    certification: Certification, entry: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await certification.renew(OWNER, entry)


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
async def test_nobody_but_an_owner_may_ask(certification: Certification, role: Role) -> None:
    somebody = Principal("bob", role)
    with pytest.raises(NotPermitted):
        await certification.certificates(somebody)
    with pytest.raises(NotPermitted):
        await certification.renew(somebody, "api")


def test_the_seconds_left_are_those_of_the_clock(certification: Certification) -> None:
    assert certification.seconds_left() == {"api": 86_400.0, "token-signing": 90 * 86_400.0}


async def test_what_is_under_way_is_told(certification: Certification) -> None:
    views = {one.entry: one.doing for one in await certification.certificates(OWNER)}
    assert views == {"api": "asks https://acme.test/order/1, again in 5 s", "token-signing": ""}


async def test_what_was_never_issued_is_listed_with_what_keeps_it(store: FileStore) -> None:
    kept = {"public": Kept("api", "ACME https://acme.test", Renewing(store), names=("a.test",))}
    certification = Certification(store, kept, TurnedClock(NOW))
    views = {one.entry: one for one in await certification.certificates(OWNER)}
    assert set(views) == {"api", "public", "token-signing"}
    assert views["public"].chain is None
    assert views["public"].last_error == "The authority does not answer."
    assert views["api"].kept == Kept("api", "this home")
    assert set(certification.seconds_left()) == {"api", "token-signing"}


async def test_what_cannot_be_read_says_why_and_hides_nothing_else(store: FileStore) -> None:
    def read() -> Chain:
        raise BadConfiguration("The folder is not there.")

    certification = Certification(store, {}, TurnedClock(NOW))
    certification.add("api", Kept("api", "folder /x", read=read))
    first, second = await certification.certificates(OWNER)
    assert (first.chain, first.last_error) == (None, "The folder is not there.")
    assert second.chain is not None
