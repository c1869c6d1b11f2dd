"""Trust that is kept up with its source: what is in force, what is refused, what is said."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected, Unavailable
from hermetic.tls import trust as module
from hermetic.tls.trust import LiveTrust
from tests.support.authorities import Folders, pem_of
from tests.support.callers import Caller, Cast
from tests.support.mutual import following
from tests.support.waiting import until

SHORT = timedelta(milliseconds=20)


@pytest.fixture
def clock(cast: Cast) -> TurnedClock:
    return TurnedClock(cast.now)


@pytest.fixture
def source(tmp_path: Path, cast: Cast) -> Folders:
    source = Folders(tmp_path)
    source.trust(cast.root, cast.legacy)
    return source


Live = Callable[..., LiveTrust]


@pytest.fixture
def live(source: Folders, clock: TurnedClock) -> Live:
    """Return what makes a trust that has read the source."""

    def make(**options: object) -> LiveTrust:
        options = {"role": Role.AUTHENTICATION, "clock": clock} | options
        return LiveTrust(source, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLING_S", 0.02)


def verdict(live: LiveTrust, caller: Caller) -> str:
    """Return `in`, or the code of the refusal."""
    try:
        live.judge(caller.certificates)
    except CertificateRejected as error:
        return error.code
    return "in"


def test_it_begins_with_what_the_source_holds(live: Live, source: Folders, cast: Cast) -> None:
    with capture_logs() as lines:
        began = live()
    assert set(began.trust.roots) == {cast.root.certificate, cast.legacy.certificate}
    assert began.authorities_pem.count(b"BEGIN CERTIFICATE") == 2
    assert (began.changes, began.fault, began.since) == (0, None, cast.now)
    assert [(line["event"], line["roots"]) for line in lines] == [("trust.loaded", 2)]
    assert verdict(began, cast.identity("web-1")) == "in"


@pytest.mark.parametrize("watched", [True, False])
async def test_what_changes_on_disk_is_in_force_soon(
    live: Live, source: Folders, cast: Cast, watched: bool
) -> None:
    told: list[Trust] = []
    folders = source.folders if watched else ()
    async with following(live(on_change=told.append), *folders, poll=SHORT) as kept_up:
        source.trust(cast.root, cast.stranger)
        await until(lambda: kept_up.changes > 0 and cast.legacy.certificate not in told[-1].roots)
    assert verdict(kept_up, cast.identity("legacy")) == "unknown-issuer"
    assert verdict(kept_up, cast.caller(above=cast.stranger)) == "in"
    assert told[-1] is kept_up.trust


async def test_each_change_says_who_came_and_who_went(
    live: Live, source: Folders, cast: Cast
) -> None:
    async with following(live(), poll=SHORT) as kept_up:
        with capture_logs() as lines:
            source.trust(cast.root)
            await until(lambda: kept_up.changes == 1)
            source.trust(cast.root, cast.stranger)
            await until(lambda: kept_up.changes == 2)
    assert [(line["event"], line["added"], line["removed"]) for line in lines] == [
        ("trust.changed", [], ["'CN=Legacy Root'"]),
        ("trust.changed", ["'CN=Stranger'"], []),
    ]


async def test_a_file_that_is_half_written_changes_nothing_and_is_named_once(
    live: Live, source: Folders, cast: Cast
) -> None:
    path = source.folders[0] / "another.pem"
    whole = pem_of(cast.stranger)
    async with following(live(), poll=SHORT) as kept_up:
        with capture_logs() as lines:
            path.write_bytes(whole[: len(whole) // 2])
            await until(lambda: kept_up.fault is not None)
            before = source.asked
            await until(lambda: source.asked > before + 5)
        assert [(line["event"], line["reason"]) for line in lines] == [
            ("trust.refused", "malformed")
        ]
        assert str(path) in lines[0]["text"]
        assert verdict(kept_up, cast.identity("legacy")) == "in"
        with capture_logs() as lines:
            path.write_bytes(whole)
            await until(lambda: kept_up.fault is None)
        assert [line["event"] for line in lines] == ["trust.changed", "trust.recovered"]
    assert verdict(kept_up, cast.caller(above=cast.stranger)) == "in"


async def test_an_emptied_store_lets_nobody_in_until_there_is_somebody_again(
    live: Live, source: Folders, cast: Cast
) -> None:
    async with following(live(), poll=SHORT) as kept_up:
        with capture_logs() as lines:
            source.trust()
            await until(lambda: kept_up.changes == 1)
        assert verdict(kept_up, cast.identity("web-1")) == "unknown-issuer"
        assert kept_up.authorities_pem == b""
        assert [line["event"] for line in lines] == ["trust.changed", "trust.nobody"]
        source.trust(cast.root)
        await until(lambda: kept_up.changes == 2)
    assert verdict(kept_up, cast.identity("web-1")) == "in"


async def test_a_store_that_is_emptied_and_filled_again_was_never_empty(
    live: Live, source: Folders, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLING_S", 0.3)
    told: list[Trust] = []
    async with following(live(on_change=told.append), *source.folders, poll=SHORT):
        before = source.asked
        source.trust()
        await until(lambda: source.asked > before)
        source.trust(cast.root)
        await until(lambda: bool(told))
    assert [one.roots for one in told] == [(cast.root.certificate,)]


async def test_roots_that_can_vouch_for_nobody_keep_the_last_good_ones(
    live: Live, source: Folders, cast: Cast
) -> None:
    async with following(live(), poll=SHORT) as kept_up:
        source.trust(cast.ended)
        await until(lambda: kept_up.fault is not None)
        assert kept_up.fault is not None
        assert "None of the 1 roots can vouch for anybody: The certificate of 'CN=Ended Root'" in (
            kept_up.fault.text
        )
        assert verdict(kept_up, cast.identity("web-1")) == "in"


async def test_a_root_that_ended_beside_a_good_one_is_pointed_out(
    live: Live, source: Folders, cast: Cast
) -> None:
    with capture_logs() as lines:
        source.trust(cast.root, cast.ended)
        began = live()
    assert [line["reason"] for line in lines if line["event"] == "trust.root_unusable"] == [
        "expired"
    ]
    assert verdict(began, cast.identity("web-1")) == "in"


def test_it_does_not_begin_with_what_cannot_be_read(
    live: Live, source: Folders, cast: Cast
) -> None:
    (source.folders[0] / "bad.pem").write_bytes(b"")
    with pytest.raises(CertificateRejected, match=r"bad\.pem"):
        live()
    source.trust(cast.ended)
    with pytest.raises(CertificateRejected, match="Ended Root"):
        live()


def test_it_may_begin_without_anybody(live: Live, source: Folders, cast: Cast) -> None:
    source.trust()
    assert verdict(live(), cast.identity("web-1")) == "unknown-issuer"


def test_a_source_that_never_holds_still_is_not_read_in_parts(
    source: Folders, clock: TurnedClock
) -> None:
    numbers = count()
    source.digest = lambda: str(next(numbers))  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="change faster"):
        LiveTrust(source, role=Role.AUTHENTICATION, clock=clock)


async def test_a_revocation_list_that_arrives_is_in_force_soon(
    live: Live, source: Folders, cast: Cast
) -> None:
    web_1, web_2 = (cast.identity(who) for who in ("web-1", "web-2"))
    async with following(live(), *source.folders, poll=SHORT) as kept_up:
        assert verdict(kept_up, web_1) == "in"
        source.publish(cast.crl(cast.issuing, web_1.leaf))
        await until(lambda: kept_up.changes == 1)
        assert (verdict(kept_up, web_1), verdict(kept_up, web_2)) == ("revoked", "in")
        source.publish(cast.crl(cast.issuing, ends=-1))
        await until(lambda: kept_up.changes == 2)
    assert (verdict(kept_up, web_1), verdict(kept_up, web_2)) == ("crl-expired", "crl-expired")


def test_lists_may_be_required(live: Live, source: Folders, cast: Cast) -> None:
    web_1 = cast.identity("web-1")
    assert verdict(live(), web_1) == "in"
    assert verdict(live(require_revocation_lists=True), web_1) == "no-crl"
    source.publish(cast.crl(cast.issuing), cast.crl(cast.root))
    assert verdict(live(require_revocation_lists=True), web_1) == "in"


def test_intermediates_of_the_source_may_be_left_out(
    live: Live, source: Folders, cast: Cast
) -> None:
    alone = Caller(cast.identity("web-1").certificates[:1], cast.identity("web-1").key)
    assert verdict(live(), alone) == "unknown-issuer"
    (source.folders[1] / "issuing.pem").write_bytes(pem_of(cast.issuing))
    assert verdict(live(), alone) == "in"
    assert live().authorities_pem.count(b"BEGIN CERTIFICATE") == 3
    source.trust()
    assert live().authorities_pem == b""


async def test_the_same_content_in_other_files_changes_nothing(
    live: Live, source: Folders, cast: Cast
) -> None:
    async with following(live(), poll=SHORT) as kept_up:
        before = kept_up._digest
        for number, path in enumerate(sorted(source.folders[0].iterdir())):
            path.rename(path.with_name(f"{number}.pem"))
        await until(lambda: kept_up._digest != before)
    assert kept_up.changes == 0


def test_who_is_allowed_changes_at_once_and_stays_through_other_changes(
    live: Live, cast: Cast
) -> None:
    begun = live(allowed=Allowed.parse(subjects=["CN=web-1,O=Contoso"]))
    assert verdict(begun, cast.identity("web-2")) == "wrong-subject"
    begun.allow(Allowed.parse(subjects=["CN=web-2,O=Contoso"]))
    assert verdict(begun, cast.identity("web-2")) == "in"
    assert verdict(begun, cast.identity("web-1")) == "wrong-subject"
    assert begun.changes == 1
