from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.errors import (
    BadConfiguration,
    CertificateRejected,
    NotFound,
    StorageFull,
    TooManyAttempts,
    Unreachable,
)
from tests.support.certificates import hierarchy
from tests.support.disks import FullAt, SleeplessDisk, TroubledDisk
from tests.support.renewing import DAY, HOUR, MINUTE, NOW, SECOND, Answer, Bench, Memory


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_missing_credential_is_issued_and_stored(bench: Bench) -> None:
    renewal = bench.renewal()
    with capture_logs() as events:
        credential = await renewal.credential()
    assert bench.store.read("api").chain == credential.chain
    assert credential.chain.names == ("localhost", "127.0.0.1")
    renewed = next(e for e in events if e["event"] == "certificate.renewed")
    assert (renewed["reason"], renewed["entry"]) == ("missing", "api")
    assert "PRIVATE" not in repr(events)


async def test_a_fit_credential_is_used_again(bench: Bench) -> None:
    first = await bench.renewal().credential()
    bench.clock.advance(15 * HOUR)
    assert (await bench.renewal().credential()).chain == first.chain
    assert len(bench.issuer.asked) == 1


async def test_the_order_and_spelling_of_names_make_no_difference(bench: Bench) -> None:
    first = await bench.renewal("node.test", "::1").credential()
    again = await bench.renewal("0:0::1", "Node.TEST").credential()
    assert again.chain == first.chain


async def test_another_address_of_the_host_asks_for_another_credential(bench: Bench) -> None:
    await bench.renewal("node.test", "192.0.2.1").credential()
    with capture_logs() as events:
        moved = await bench.renewal("node.test", "192.0.2.2").credential()
    assert moved.chain.names == ("node.test", "192.0.2.2")
    assert "names-changed" in [e.get("reason") for e in events]


async def test_a_credential_of_another_root_is_replaced(bench: Bench) -> None:
    bench.store.write("api", hierarchy(NOW).issue("localhost", "127.0.0.1", now=NOW))
    assert bench.authority.issued((await bench.renewal().credential()).chain)


async def test_a_credential_for_another_role_is_replaced(bench: Bench) -> None:
    first = await bench.renewal(role=Role.AUTHENTICATION).credential()
    assert (await bench.renewal(role=Role.API).credential()).chain != first.chain


async def test_a_damaged_credential_is_replaced(bench: Bench) -> None:
    first = await bench.renewal().credential()
    (bench.store.folder("api") / "current" / "tls.crt").write_bytes(b"")
    assert (await bench.renewal().credential()).chain != first.chain


async def test_each_credential_has_a_new_key(bench: Bench) -> None:
    renewal = bench.renewal()
    first = await renewal.credential()
    second = await renewal.renew_now()
    assert first.key_pem != second.key_pem


async def test_renewing_now_puts_a_new_credential_into_the_store(bench: Bench) -> None:
    renewal = bench.renewal()
    first = await renewal.credential()
    second = await renewal.renew_now()
    assert first.chain.serial != second.chain.serial
    assert bench.store.read("api").chain == second.chain
    assert renewal.standing.serial == second.chain.serial


async def test_renewing_now_while_the_issuer_fails_keeps_the_last_good_pair(bench: Bench) -> None:
    renewal = bench.renewal()
    first = await renewal.credential()
    bench.issuer.failing = Unreachable("The authority does not answer.")
    with pytest.raises(Unreachable):
        await renewal.renew_now()
    assert bench.store.read("api").chain == first.chain
    assert renewal.standing.last_error == "The authority does not answer."
    bench.issuer.failing = None
    await renewal.renew_now()
    assert renewal.standing.failures == 0
    assert renewal.standing.last_error is None


async def test_without_an_issuer_a_stored_credential_does_until_it_expires(bench: Bench) -> None:
    first = await bench.renewal().credential()
    bench.issuer.failing = Unreachable("The authority does not answer.")
    bench.clock.advance(23 * HOUR)
    assert (await bench.renewal().credential()).chain == first.chain
    bench.clock.advance(2 * HOUR)
    with pytest.raises(Unreachable):
        await bench.renewal().credential()


async def test_without_an_issuer_and_a_stored_credential_there_is_none(bench: Bench) -> None:
    bench.issuer.failing = Unreachable("The authority does not answer.")
    renewal = bench.renewal()
    with pytest.raises(Unreachable):
        await renewal.credential()
    assert renewal.standing.not_after is None
    with pytest.raises(NotFound):
        bench.store.read("api")


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0])
async def test_it_renews_at_two_thirds_of_the_life_and_up_to_a_twentieth_later(
    bench: Bench, luck: float
) -> None:
    async with bench.running(bench.renewal(luck=luck)) as renewal:
        first = renewal.standing.serial
        life = 24 * HOUR + 5 * MINUTE
        due = NOW - 5 * MINUTE + life * 2 / 3 + luck * life / 20
        assert renewal.next_at == due
        await bench.turn(due - NOW - SECOND)
        assert renewal.standing.serial == first
        await bench.turn(SECOND)
        assert renewal.standing.serial != first
        assert renewal.standing.not_after == due.replace(microsecond=0) + 24 * HOUR


async def test_it_wakes_every_minute_for_a_clock_that_is_set_or_stood_still(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        assert renewal.next_at is not None
        await bench.turn_to(renewal.next_at - 20 * SECOND)
        await bench.turn(15 * SECOND)
    assert bench.pauses == [60.0, 20.0, 5.0]


async def test_it_sees_what_another_process_stored(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.clock.advance(10 * HOUR)
        other = await bench.renewal().renew_now()
        await bench.turn(MINUTE)
        assert renewal.standing.serial == other.chain.serial
        await bench.turn(10 * HOUR)
        assert renewal.standing.serial == other.chain.serial


async def test_a_failure_is_a_warning_and_the_second_one_an_error(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.issuer.failing = Unreachable("The authority does not answer.")
        with capture_logs() as events:
            await bench.turn(17 * HOUR)
            await bench.turn(MINUTE)
        assert renewal.standing.failures == 2
    failed = [e for e in events if e["event"] == "certificate.renewal_failed"]
    assert [(e["log_level"], e["failures"]) for e in failed] == [("warning", 1), ("error", 2)]
    assert failed[0]["text"] == "The authority does not answer."


async def test_a_failure_that_comes_late_is_an_error_at_once(bench: Bench) -> None:
    async with bench.running(bench.renewal()):
        bench.issuer.failing = Unreachable("The authority does not answer.")
        with capture_logs() as events:
            await bench.turn(20 * HOUR)
    assert events[0]["log_level"] == "error"


async def test_it_recovers_within_a_quarter_of_an_hour_after_the_issuer(bench: Bench) -> None:
    async with bench.running(bench.renewal(luck=1.0)) as renewal:
        first = renewal.standing.serial
        bench.issuer.failing = Unreachable("The authority does not answer.")
        while bench.clock() < NOW + 20 * HOUR:
            await bench.turn_to(renewal.next_at)
        assert renewal.standing.serial == first
        bench.issuer.failing = None
        for _ in range(15):
            await bench.turn(MINUTE)
        assert renewal.standing.serial != first
        assert renewal.standing.failures == 0


async def test_tries_grow_rarer_at_first_and_denser_towards_the_end(bench: Bench) -> None:
    async with bench.running(bench.renewal(luck=1.0)) as renewal:
        bench.issuer.failing = Unreachable("The authority does not answer.")
        bench.issuer.asked.clear()
        while bench.clock() < NOW + 24 * HOUR:
            await bench.turn_to(renewal.next_at)
        assert renewal.standing.failures > 30
    waits = [later - earlier for earlier, later in pairwise(bench.issuer.asked)]
    assert waits[:5] == [30 * SECOND, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE]
    assert waits[-1] == 10 * SECOND
    assert max(waits) == 15 * MINUTE


async def test_what_is_left_of_the_life_is_told_once_for_each_stage(bench: Bench) -> None:
    async with bench.running(bench.renewal(luck=0.0)):
        bench.issuer.failing = Unreachable("The authority does not answer.")
        with capture_logs() as events:
            for _ in range(26 * 6):
                await bench.turn(10 * MINUTE)
    told = [(e["stage"], e["log_level"]) for e in events if e["event"] == "certificate.expiring"]
    assert told == [
        ("due", "warning"),
        ("late", "warning"),
        ("critical", "error"),
        ("expired", "error"),
    ]


async def test_a_renewal_in_time_is_told_without_a_warning(bench: Bench) -> None:
    async with bench.running(bench.renewal()):
        with capture_logs() as events:
            for _ in range(24 * 4):
                await bench.turn(15 * MINUTE)
    assert {e["log_level"] for e in events} == {"info"}


async def test_an_issuer_that_asks_for_patience_is_not_asked_before(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.issuer.failing = TooManyAttempts("Five a week.", retry_after_s=7200)
        await bench.turn(17 * HOUR)
        asked = len(bench.issuer.asked)
        for _ in range(119):
            await bench.turn(MINUTE)
        assert len(bench.issuer.asked) == asked
        await bench.turn(MINUTE)
        assert len(bench.issuer.asked) == asked + 1
        assert renewal.standing.failures == 2


async def test_an_issuer_that_hangs_is_left_after_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermetic.node.renewal._ISSUE_WITHIN", timedelta(milliseconds=10))
    bench.issuer.hangs = True
    with pytest.raises(Unreachable, match=r"did not answer within 0\.01 s"):
        await bench.renewal().credential()


async def test_a_fault_of_any_kind_does_not_end_the_loop(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.issuer.failing = ZeroDivisionError("a bug")
        await bench.turn(17 * HOUR)
        assert renewal.standing.last_error == "ZeroDivisionError: a bug"
        bench.issuer.failing = None
        await bench.turn(MINUTE)
        assert renewal.standing.failures == 0


async def test_a_store_that_cannot_be_read_does_not_end_the_loop(bench: Bench) -> None:
    class Closed(FileStore):
        closed = False

        def read(self, entry: str) -> Credential:
            if self.closed:
                raise BadConfiguration("run `chmod`")
            return super().read(entry)

    store = Closed(bench.folder / "closed", disk=SleeplessDisk())
    async with bench.running(bench.renewal(store=store)) as renewal:
        store.closed = True
        await bench.turn(MINUTE)
        assert renewal.standing.last_error == "run `chmod`"


async def test_what_a_full_disk_did_not_take_is_offered_again_not_issued_again(
    bench: Bench,
) -> None:
    first = await bench.renewal().credential()
    asked = len(bench.issuer.asked)
    full = FullAt(0)
    store = FileStore(bench.folder / "certificates", disk=TroubledDisk(full, SleeplessDisk()))
    renewal = bench.renewal(store=store)
    for _ in range(3):
        with pytest.raises(StorageFull):
            await renewal.renew_now()
    assert bench.store.read("api").chain == first.chain
    full.end()
    await renewal.renew_now()
    assert bench.store.read("api").chain != first.chain
    assert len(bench.issuer.asked) == asked + 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda key, other: (key, ["other.test"], Role.API, NOW), "not-as-asked"),
        (lambda key, other: (key, ["node.test", "other.test"], Role.API, NOW), "not-as-asked"),
        (lambda key, other: (other, ["node.test"], Role.API, NOW), "not-as-asked"),
        (lambda key, other: (key, ["node.test"], Role.API, NOW - 2 * DAY), "not-as-asked"),
        (lambda key, other: (key, ["node.test"], Role.API, NOW + 2 * DAY), "not-as-asked"),
        (lambda key, other: (key, ["node.test"], Role.AUTHENTICATION, NOW), "wrong-purpose"),
    ],
    ids=["other name", "more names", "other key", "expired", "not yet valid", "other role"],
)
async def test_an_answer_that_was_not_asked_for_is_refused(
    bench: Bench, answer: Answer, code: str
) -> None:
    first = await bench.renewal("node.test").credential()
    bench.issuer.answer = answer
    with pytest.raises(CertificateRejected) as rejected:
        await bench.renewal("node.test").renew_now()
    assert rejected.value.code == code
    assert bench.store.read("api").chain == first.chain


async def test_an_answer_of_another_root_is_refused(bench: Bench) -> None:
    bench.issuer.trusted = False
    with pytest.raises(CertificateRejected) as rejected:
        await bench.renewal("node.test").credential()
    assert rejected.value.code == "not-as-asked"


@pytest.mark.parametrize("jump", [40 * DAY, -40 * DAY])
async def test_a_clock_that_jumps_causes_one_renewal_at_most(bench: Bench, jump: timedelta) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.clock.advance(80 * DAY)
        await bench.turn()
        bench.issuer.asked.clear()
        await bench.turn(jump)
        for _ in range(60):
            await bench.turn(MINUTE)
        assert len(bench.issuer.asked) == 1
        bench.clock.advance(-jump)
        for _ in range(60):
            await bench.turn(MINUTE)
        assert len(bench.issuer.asked) == 2
        chain = bench.store.read("api").chain
        assert chain.not_before < bench.clock() < chain.not_after
        assert renewal.standing.failures == 0


async def test_a_clock_that_is_a_little_off_causes_no_renewal(bench: Bench) -> None:
    async with bench.running(bench.renewal()):
        for jump in (5 * MINUTE, -5 * MINUTE, -5 * MINUTE, 5 * MINUTE):
            await bench.turn(jump)
    assert len(bench.issuer.asked) == 1


async def test_a_wait_does_not_outlast_a_clock_that_is_set_back(bench: Bench) -> None:
    async with bench.running(bench.renewal()) as renewal:
        bench.clock.advance(80 * DAY)
        bench.issuer.failing = Unreachable("The authority does not answer.")
        await bench.turn()
        bench.issuer.asked.clear()
        await bench.turn(-40 * DAY)
        assert len(bench.issuer.asked) == 1
        assert renewal.next_at is not None
        assert renewal.next_at - bench.clock() < HOUR


@pytest.mark.parametrize("life", [2 * SECOND, MINUTE, 6 * MINUTE])
async def test_a_life_that_is_nearly_over_when_it_begins_is_no_storm(
    tmp_path: Path, life: timedelta
) -> None:
    bench = Bench(tmp_path, life)
    renewal = bench.renewal()
    credential = await renewal.credential()
    assert renewal.next_at is not None
    assert renewal.next_at - NOW >= (credential.chain.not_after - NOW) / 2


@pytest.mark.parametrize("life", [24 * HOUR, 160 * HOUR, 90 * DAY], ids=["24h", "160h", "90d"])
@pytest.mark.slow
async def test_a_year_has_no_expiry_and_no_wasted_renewal(tmp_path: Path, life: timedelta) -> None:
    bench = Bench(tmp_path, life)
    async with bench.running(bench.renewal(store=Memory())) as renewal:
        while bench.clock() < NOW + 365 * DAY:
            assert renewal.standing.not_after is not None
            assert renewal.next_at is not None
            assert bench.clock() < renewal.next_at < renewal.standing.not_after
            await bench.turn_to(renewal.next_at)
    ideal = 365 * DAY / (life * 2 / 3)
    assert len(bench.issuer.asked) <= 1.05 * ideal + 1
