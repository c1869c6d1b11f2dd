"""A root is replaced in steps; each may be cut short anywhere, and is done again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import leaf, request, requested_key
from hermetic.certificates.verification import verify
from hermetic.certstore.files import FileStore
from hermetic.certstore.ledger import Ledger
from hermetic.clock import TurnedClock
from hermetic.errors import BadConfiguration, CertificateRejected, Conflict, HermeticError
from hermetic.issuers.roots import Hierarchy, Roots, leads_to
from tests.support.disks import SleeplessDisk, Steps, Stopped, StoppedAt, TroubledDisk

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


def roots_in(folder: Path, clock: TurnedClock, disk: TroubledDisk | None = None) -> Roots:
    store = FileStore(folder / "authority", disk=disk or SleeplessDisk())
    return Roots(store, Ledger(folder / "ledger"), clock, "Test")


@pytest.fixture
def roots(tmp_path: Path, clock: TurnedClock) -> Roots:
    return roots_in(tmp_path, clock)


def signed(found: Hierarchy, clock: TurnedClock) -> Chain:
    key = requested_key(request(generate(), names=["a.test"]))
    above = found.intermediate
    return leaf(above, key, names=["a.test"], role=Role.API, now=clock(), life=DAY)


def believed(chain: Chain, by: Hierarchy, clock: TurnedClock) -> bool:
    """Whether who was given the root of *by*, and no other, believes *chain*."""
    try:
        verify(chain.certificates, roots=[by.root.chain.leaf], at=clock(), purpose=Role.API)
    except CertificateRejected:
        return False
    return True


def test_the_next_root_is_told_and_signs_nothing(roots: Roots, clock: TurnedClock) -> None:
    before = roots.open()
    prepared = roots.prepare()
    assert prepared.next is not None
    assert prepared.roots == (before.root.chain.leaf, prepared.next.chain.leaf)
    assert prepared.intermediate.chain == before.intermediate.chain
    assert roots.prepare().roots == prepared.roots
    assert believed(signed(prepared, clock), before, clock)


def test_once_activated_it_signs_and_the_former_one_vouches_for_it(
    roots: Roots, clock: TurnedClock
) -> None:
    before = roots.open()
    old = signed(before, clock)
    roots.prepare()
    after = roots.activate()
    assert after.roots[1] == before.root.chain.leaf
    assert after.next is None
    chain = signed(after, clock)
    assert [believed(chain, one, clock) for one in (before, after)] == [True, True]
    assert believed(old, before, clock)
    assert not believed(old, after, clock)
    assert leads_to(chain, after.root.chain.leaf)
    assert not leads_to(old, after.root.chain.leaf)


def test_once_retired_the_former_one_vouches_for_nothing(roots: Roots, clock: TurnedClock) -> None:
    before = roots.open()
    roots.prepare()
    roots.activate()
    after = roots.retire()
    assert after.roots == (after.root.chain.leaf,)
    chain = signed(after, clock)
    assert len(chain.certificates) == 2
    assert [believed(chain, one, clock) for one in (before, after)] == [False, True]


def test_steps_in_another_order_are_refused(roots: Roots) -> None:
    roots.open()
    for step in (roots.activate, roots.retire):
        with pytest.raises(Conflict):
            step()
    roots.prepare()
    roots.activate()
    with pytest.raises(Conflict, match="retire"):
        roots.prepare()


STEPS: dict[str, Callable[[Roots], Hierarchy]] = {
    "prepare": Roots.prepare,
    "activate": Roots.activate,
    "retire": Roots.retire,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_step_cut_short_anywhere_is_done_again(
    tmp_path: Path, clock: TurnedClock, name: str
) -> None:
    def until(folder: Path) -> Roots:
        folder.mkdir()
        made = roots_in(folder, clock)
        made.open()
        for one in list(STEPS)[: list(STEPS).index(name)]:
            STEPS[one](made)
        return made

    steps = Steps()
    until(tmp_path / "whole")
    STEPS[name](roots_in(tmp_path / "whole", clock, TroubledDisk(steps)))
    for number in range(len(steps.taken)):
        folder = tmp_path / str(number)
        until(folder)
        with pytest.raises((Stopped, HermeticError)):
            STEPS[name](roots_in(folder, clock, TroubledDisk(StoppedAt(number))))
        found = roots_in(folder, clock).open()
        assert believed(signed(found, clock), found, clock), number
        try:
            found = STEPS[name](roots_in(folder, clock))
        except Conflict:  # it had come to its end
            found = roots_in(folder, clock).open()
        assert (found.next is not None, found.previous is not None) == {
            "prepare": (True, False),
            "activate": (False, True),
            "retire": (False, False),
        }[name], number
        assert believed(signed(found, clock), found, clock)


def test_an_intermediate_that_is_due_is_kept_beside_the_next(
    roots: Roots, clock: TurnedClock
) -> None:
    before = roots.open()
    clock.advance(timedelta(days=800))
    assert roots.look() is None
    after = roots.open()
    chains = [one.chain for one in after.intermediates]
    assert chains == [after.intermediate.chain, before.intermediate.chain]
    found = roots.look()
    assert found is not None
    assert found.intermediate.chain == after.intermediate.chain


def test_a_root_that_is_lost_is_told(tmp_path: Path, roots: Roots) -> None:
    roots.open()
    roots.store.remove("root")
    with pytest.raises(BadConfiguration, match="lost"):
        roots.open()
    assert roots.look() is None
