"""Which node gets the next call, and how nodes stand with a web node.

Pure: time comes in as seconds of one steady clock, chance as numbers from 0 to 1 (1 excluded).
A `Standing` only remembers what it is told; whoever makes the calls and the probes tells it, and
nothing here waits or asks.  It is part of every call, so it makes no objects.

A node is *healthy* until failures in a row eject it.  While *ejected* it gets nothing; after a
back-off it is *half-open*, and gets one call at a time until one succeeds.  *Draining* is said by
the node or its administrator, and has nothing to do with failures.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from math import inf

SHORTEST_S = 0.5
LONGEST_S = 30.0
_DOUBLINGS = 6  # 0.5 s doubled six times is 32 s
# Draws from one number of chance before the nodes are counted instead. A draw among n uses up
# log2(n) of its 53 bits, so four are even among 4096 nodes.
_DRAWS = 4


class Failure(StrEnum):
    """How a call or a probe failed, as far as that is the node's fault."""

    UNREACHABLE = "unreachable"
    """No connection came about: nobody listens, or nobody answers in time."""
    UNTRUSTED = "untrusted"
    """Its certificate is not to be trusted, or it did not trust ours."""
    SILENT = "silent"
    """A probe was not answered, or not well; a node that is merely busy may miss one."""
    BROKEN = "broken"
    """The connection ended before the answer did."""
    LATE = "late"
    """No answer came within the deadline, which may as well be the service's fault."""


_TOLERATED = {
    # Nothing ran, and the next call would fare the same.
    Failure.UNREACHABLE: 1,
    Failure.UNTRUSTED: 1,
    # One service may crash or hang on a healthy node; then others' calls succeed in between.
    Failure.SILENT: 3,
    Failure.BROKEN: 3,
    Failure.LATE: 5,
}
"""How many in a row eject a node."""
_SEEN_BY_PROBES = frozenset({Failure.UNREACHABLE, Failure.UNTRUSTED, Failure.SILENT})


class Phase(StrEnum):
    """How a node stands."""

    HEALTHY = "healthy"
    EJECTED = "ejected"
    HALF_OPEN = "half-open"
    DRAINING = "draining"


class Standing:
    """How one node stands with this web node.

    `load` is how many calls are under way there; `weight`, above 0, how many it can bear beside
    others.  Every `begin` is followed by one of `succeed`, `fail`, `not_run` and `abandon`, with
    what `begin` returned.
    """

    __slots__ = (
        "_ejections",
        "_failures",
        "_missed",
        "_probes_tell",
        "_trials",
        "draining",
        "failed_at",
        "load",
        "retry_at",
        "trial",
        "weight",
    )

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.load = 0
        # The number of the call on trial, 0 for none.
        self.trial = self._trials = 0
        self.draining = False
        # When a node that was ejected may be tried; -inf is healthy.
        self.retry_at = self.failed_at = -inf
        self._failures = self._missed = self._ejections = 0
        # Whether it was ejected for something that a probe would meet, too.
        self._probes_tell = False

    def phase(self, now: float) -> Phase:
        """Return how it stands at *now*."""
        if self.draining:
            return Phase.DRAINING
        if self.retry_at == -inf:
            return Phase.HEALTHY
        return Phase.EJECTED if now < self.retry_at else Phase.HALF_OPEN

    def is_ready(self, now: float) -> bool:
        """Whether it may get a call at *now*: healthy, or half-open without a call on trial."""
        return now >= self.retry_at and not self.trial and not self.draining

    def begin(self) -> int:
        """Count a call that goes there now; return its number if it is on trial, else 0."""
        self.load += 1
        if self.retry_at == -inf or self.trial:
            return 0
        self._trials += 1
        self.trial = self._trials
        return self.trial

    def succeed(self, *, trial: int) -> None:
        """Take note that a call was answered, whatever the answer: the node is healthy."""
        self._end(trial=trial)
        self.retry_at = -inf
        self.trial = self._failures = self._missed = self._ejections = 0

    def fail(self, kind: Failure, now: float, luck: float, *, trial: int) -> None:
        """Take note that a call failed; enough of them in a row eject the node.

        Args:
            luck: Spreads the back-off, so that web nodes do not come back together.
        """
        self._end(trial=trial)
        self._count(kind, now, luck)

    def not_run(self, *, trial: int) -> None:
        """Take note that a call was refused without being run: busy, or draining.

        That is no failure, and no proof of health either.
        """
        self._end(trial=trial)

    def abandon(self, *, trial: int) -> None:
        """Take note that a call ended because nobody waits for it any more."""
        self._end(trial=trial)

    def probe_answered(self, now: float) -> None:
        """Take note that the node answered a probe.

        What a probe would have met is over then, and the node half-open at once.  Calls that
        broke or were late may do so again though probes are answered: their back-off stays.
        """
        self._missed = 0
        if self._probes_tell and now < self.retry_at:
            self.retry_at = now

    def probe_failed(self, kind: Failure, now: float, luck: float) -> None:
        """Take note that a probe failed; enough of them in a row eject the node."""
        self._count(kind, now, luck)

    def drain(self) -> None:
        """Let it get no more calls, until `undrain`."""
        self.draining = True

    def undrain(self) -> None:
        """Let it get calls again."""
        self.draining = False

    def _end(self, *, trial: int) -> None:
        self.load -= 1
        # Another call may have healed the node meanwhile, and a later trial be under way.
        if trial and trial == self.trial:
            self.trial = 0

    def _count(self, kind: Failure, now: float, luck: float) -> None:
        self.failed_at = now
        if self.retry_at == -inf:
            if kind is Failure.SILENT:
                self._missed += 1
            else:
                self._failures += 1
            in_a_row = self._missed if kind is Failure.SILENT else self._failures
            if in_a_row < _TOLERATED[kind]:
                return
        elif now < self.retry_at:
            # A node that dies fails all its calls at once; together they are one reason to wait.
            return
        pause_s = min(SHORTEST_S * 2 ** min(self._ejections, _DOUBLINGS), LONGEST_S)
        self.retry_at = now + pause_s * (1 - luck / 2)
        self._ejections += 1
        self._probes_tell = kind in _SEEN_BY_PROBES


def choose(
    nodes: Sequence[Standing],
    now: float,
    luck: float,
    other_luck: float,
    tried: Collection[Standing] = (),
) -> Standing | None:
    """Return the node that gets the next call, or `None` if there is nobody to give it to.

    Of two drawn by chance the one with less to do: that spreads load nearly as well as asking
    all, and several web nodes that decide alone do not all run to the same.  Only ready nodes
    are drawn.  If none is, the node that failed longest ago is tried rather than refusing
    everything; draining nodes never are.

    Args:
        tried: Nodes that have refused this very call, and do not get it again.
    """
    if tried:
        nodes = [one for one in nodes if one not in tried]
    first = _draw(nodes, now, luck, -1)
    if first < 0:
        return _last_resort(nodes)
    one = nodes[first]
    second = _draw(nodes, now, other_luck, first)
    if second < 0:
        return one
    other = nodes[second]
    # With the call itself, so that of idle nodes the one that can bear more is taken.
    return other if (other.load + 1) * one.weight < (one.load + 1) * other.weight else one


def _draw(nodes: Sequence[Standing], now: float, luck: float, but: int) -> int:
    """Return the index of a ready node, each as likely as the others, or -1; never *but*."""
    count = len(nodes)
    if but >= 0:
        count -= 1
    if count <= 0:
        return -1
    for _ in range(_DRAWS):
        scaled = luck * count
        index = int(scaled)
        luck = scaled - index  # what is left of the number is as much chance as it was
        if 0 <= but <= index:
            index += 1
        one = nodes[index]
        # `is_ready`, written out: two calls fewer are a third of the time.
        if now >= one.retry_at and not one.trial and not one.draining:
            return index
    return _draw_counting(nodes, now, luck, but)


def _draw_counting(nodes: Sequence[Standing], now: float, luck: float, but: int) -> int:
    ready = sum(one.is_ready(now) for one in nodes)
    if but >= 0 and nodes[but].is_ready(now):
        ready -= 1
    wanted = int(luck * ready)
    for index, one in enumerate(nodes):
        if index != but and one.is_ready(now):
            if wanted == 0:
                return index
            wanted -= 1
    return -1


def _last_resort(nodes: Sequence[Standing]) -> Standing | None:
    found: Standing | None = None
    for one in nodes:
        if not one.draining and (found is None or one.failed_at < found.failed_at):
            found = one
    return found
