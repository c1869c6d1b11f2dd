"""Which node gets the next call: by hand, and whatever hypothesis makes of it."""

from collections import Counter
from collections.abc import Sequence
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hermetic.serving.balancing import (
    LONGEST_S,
    SHORTEST_S,
    Failure,
    Phase,
    Standing,
    choose,
)

AT_ONCE = [Failure.UNREACHABLE, Failure.UNTRUSTED]
LUCK = st.floats(0, 1, exclude_max=True)


def healthy(count: int = 3) -> list[Standing]:
    return [Standing() for _ in range(count)]


def ejected(at: float = 0.0, kind: Failure = Failure.UNREACHABLE) -> Standing:
    """Return a node that was ejected at that moment, for half a second."""
    node = Standing()
    while node.phase(at) is Phase.HEALTHY:
        node.fail(kind, at, 0.0, trial=node.begin())
    return node


def drawn(nodes: Sequence[Standing], now: float = 0.0, times: int = 6000) -> Counter[int]:
    """Return how often each node is chosen."""
    chance = Random(7)
    chosen: Counter[int] = Counter()
    for _ in range(times):
        node = choose(nodes, now, chance.random(), chance.random())
        assert node is not None
        chosen[nodes.index(node)] += 1
    return chosen


def test_of_two_the_one_with_less_to_do_is_chosen() -> None:
    nodes = healthy(2)
    nodes[0].begin()
    assert choose(nodes, 0, 0.0, 0.0) is nodes[1]
    assert choose(nodes, 0, 0.9, 0.0) is nodes[1]


def test_the_busiest_of_all_is_never_chosen_and_the_idlest_most() -> None:
    nodes = healthy(4)
    for load, node in enumerate(nodes):
        node.load = load
    chosen = drawn(nodes)
    assert chosen[3] == 0
    assert chosen[0] > chosen[1] > chosen[2] > 0


@pytest.mark.parametrize("count", [1, 2, 3, 7, 256])
def test_nodes_with_the_same_to_do_share_alike(count: int) -> None:
    chosen = drawn(healthy(count), times=count * 400)
    assert set(chosen) == set(range(count))
    assert max(chosen.values()) < 2 * min(chosen.values())


@pytest.mark.parametrize("out", [1, 5, 38])
def test_those_left_share_alike_when_others_are_ejected(out: int) -> None:
    nodes = [ejected() for _ in range(out)] + healthy(40 - out)
    chosen = drawn(nodes, times=(40 - out) * 400)
    assert set(chosen) == set(range(out, 40))
    assert max(chosen.values()) < 2 * min(chosen.values())


def test_a_heavier_node_bears_more() -> None:
    nodes = [Standing(weight=3.0), Standing()]
    for _ in range(8):
        chosen = choose(nodes, 0, 0.0, 0.0)
        assert chosen is not None
        chosen.begin()
    assert [one.load for one in nodes] == [6, 2]


def test_a_node_that_refused_this_call_does_not_get_it_again() -> None:
    nodes = healthy(2)
    assert choose(nodes, 0, 0.0, 0.0, (nodes[0],)) is nodes[1]
    assert choose(nodes, 0, 0.0, 0.0, nodes) is None


def test_there_may_be_nobody_to_choose() -> None:
    assert choose([], 0, 0.5, 0.5) is None
    node = Standing()
    node.drain()
    assert choose([node], 0, 0.5, 0.5) is None
    node.undrain()
    assert choose([node], 0, 0.5, 0.5) is node


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        (Failure.UNREACHABLE, 1),
        (Failure.UNTRUSTED, 1),
        (Failure.BROKEN, 3),
        (Failure.LATE, 5),
    ],
)
def test_enough_failures_in_a_row_eject(kind: Failure, times: int) -> None:
    node = Standing()
    for _ in range(times):
        assert node.phase(1.0) is Phase.HEALTHY
        node.fail(kind, 1.0, 0.0, trial=node.begin())
    assert node.phase(1.0) is Phase.EJECTED
    assert node.phase(1.0 + SHORTEST_S) is Phase.HALF_OPEN
    assert node.load == 0


def test_failures_with_a_success_between_do_not_eject() -> None:
    node = Standing()
    for _ in range(9):
        node.fail(Failure.BROKEN, 1.0, 0.0, trial=node.begin())
        node.succeed(trial=node.begin())
    assert node.phase(1.0) is Phase.HEALTHY


def test_three_probes_missed_in_a_row_eject_and_two_do_not() -> None:
    node = Standing()
    for _ in range(2):
        node.probe_failed(Failure.SILENT, 1.0, 0.0)
    node.probe_answered(1.0)
    for _ in range(2):
        node.probe_failed(Failure.SILENT, 1.0, 0.0)
    assert node.phase(1.0) is Phase.HEALTHY
    node.probe_failed(Failure.SILENT, 1.0, 0.0)
    assert node.phase(1.0) is Phase.EJECTED


def test_calls_that_all_fail_at_once_are_one_reason_to_wait() -> None:
    node = Standing()
    trials = [node.begin() for _ in range(50)]
    for trial in trials:
        node.fail(Failure.UNREACHABLE, 1.0, 0.0, trial=trial)
    assert node.phase(1.0 + SHORTEST_S) is Phase.HALF_OPEN


def test_a_half_open_node_gets_one_call_at_a_time() -> None:
    nodes = [ejected(), *healthy(2)]
    for one in nodes[1:]:
        one.load = 100
    late = 10.0
    assert choose(nodes, late, 0.0, 0.0) is nodes[0]
    trial = nodes[0].begin()
    assert trial
    assert 0 not in drawn(nodes, late)
    nodes[0].not_run(trial=trial)
    assert 0 in drawn(nodes, late)


def test_a_trial_that_succeeds_heals_and_one_that_fails_doubles_the_wait() -> None:
    node = ejected()
    node.fail(Failure.BROKEN, 1.0, 0.0, trial=node.begin())
    assert node.phase(1.9) is Phase.EJECTED
    assert node.phase(2.0) is Phase.HALF_OPEN
    node.succeed(trial=node.begin())
    assert node.phase(2.0) is Phase.HEALTHY


def test_a_call_of_before_the_ejection_does_not_open_the_door_to_a_second_trial() -> None:
    node = Standing()
    old, fatal = node.begin(), node.begin()
    node.fail(Failure.UNREACHABLE, 0.0, 0.0, trial=fatal)
    assert node.begin()
    node.abandon(trial=old)
    assert not node.is_ready(10.0)


def test_a_trial_that_another_call_overtook_does_not_end_the_next() -> None:
    node = Standing()
    old = node.begin()
    node.fail(Failure.UNREACHABLE, 0.0, 0.0, trial=node.begin())
    overtaken = node.begin()
    node.succeed(trial=old)
    assert node.is_ready(0.0)
    node.fail(Failure.UNREACHABLE, 0.0, 0.0, trial=node.begin())
    assert node.begin()
    node.abandon(trial=overtaken)
    assert not node.is_ready(10.0)


@pytest.mark.parametrize("kind", AT_ONCE)
def test_an_answered_probe_ends_the_wait_for_what_probes_would_meet(kind: Failure) -> None:
    node = ejected(0.0, kind)
    node.probe_answered(0.1)
    assert node.phase(0.1) is Phase.HALF_OPEN


@pytest.mark.parametrize("kind", [Failure.BROKEN, Failure.LATE])
def test_an_answered_probe_proves_nothing_of_calls(kind: Failure) -> None:
    node = ejected(0.0, kind)
    node.probe_answered(0.1)
    assert node.phase(0.1) is Phase.EJECTED


def test_if_all_are_ejected_the_one_that_failed_longest_ago_is_tried() -> None:
    nodes = [ejected(0.3), ejected(0.1), ejected(0.2)]
    for _ in range(2):  # not one at a time: there is nowhere else to go
        assert choose(nodes, 0.3, 0.5, 0.5) is nodes[1]
        trial = nodes[1].begin()
    nodes[1].fail(Failure.UNREACHABLE, 0.4, 0.0, trial=trial)
    assert choose(nodes, 0.4, 0.5, 0.5) is nodes[2]
    nodes[2].drain()
    assert choose(nodes, 0.4, 0.5, 0.5) is nodes[0]


@given(st.lists(LUCK, min_size=1, max_size=40))
def test_the_wait_doubles_from_half_a_second_to_thirty(lucks: list[float]) -> None:
    node, now = Standing(), 0.0
    for times, luck in enumerate(lucks):
        node.fail(Failure.UNREACHABLE, now, luck, trial=node.begin())
        full = min(SHORTEST_S * 2**times, LONGEST_S)
        assert full / 2 <= node.retry_at - now + 1e-9
        assert node.retry_at - now <= full + 1e-9
        now = node.retry_at


class Balanced(RuleBasedStateMachine):
    """Three nodes and whatever may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = healthy(3)
        self.now = 100.0
        self.calls: list[tuple[Standing, int]] = []

    @rule(luck=LUCK, other=LUCK)
    def call(self, luck: float, other: float) -> None:
        before = [one.phase(self.now) for one in self.nodes]
        on_trial = [one for one in self.nodes if one.trial]
        chosen = choose(self.nodes, self.now, luck, other)
        if chosen is None:
            assert set(before) == {Phase.DRAINING}
            return
        phase = before[self.nodes.index(chosen)]
        assert phase is not Phase.DRAINING
        if Phase.HEALTHY in before:
            assert phase is not Phase.EJECTED
            assert chosen not in on_trial
        self.calls.append((chosen, chosen.begin()))

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0, 99), kind=st.sampled_from([*Failure, None, "not run"]), luck=LUCK)
    def end(self, which: int, kind: Failure | str | None, luck: float) -> None:
        node, trial = self.calls.pop(which % len(self.calls))
        if kind is None:
            node.succeed(trial=trial)
            assert node.retry_at == -inf
        elif isinstance(kind, Failure):
            node.fail(kind, self.now, luck, trial=trial)
        else:
            node.not_run(trial=trial)

    @rule(which=st.integers(0, 2), kind=st.sampled_from([Failure.SILENT, *AT_ONCE, None]))
    def probe(self, which: int, kind: Failure | None) -> None:
        if kind is None:
            self.nodes[which].probe_answered(self.now)
        else:
            self.nodes[which].probe_failed(kind, self.now, 0.5)

    @rule(which=st.integers(0, 2), draining=st.booleans())
    def mark(self, which: int, *, draining: bool) -> None:
        (self.nodes[which].drain if draining else self.nodes[which].undrain)()

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def at_most_one_call_is_on_trial_and_every_call_is_counted(self) -> None:
        for node in self.nodes:
            mine = [trial for one, trial in self.calls if one is node]
            assert node.load == len(mine)
            assert node.trial == 0 or mine.count(node.trial) == 1
            assert node.trial == 0 or node.phase(self.now) is not Phase.HEALTHY
            assert node.retry_at - self.now <= LONGEST_S


TestBalanced = Balanced.TestCase
TestBalanced.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
