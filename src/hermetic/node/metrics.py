"""What a node counts, and how Prometheus reads it.

The hot path adds to plain lists; names, labels and cumulated buckets are made when somebody
asks.  Everything a node's processes do is counted in the node's own process, so that one scrape
is the truth for all of them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from hermetic.client.execution import Capacity
from hermetic.serving.service import ServiceKey

# From half a millisecond, below which a call over TLS does not come, to the longest a person waits.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LABELS = ("service", "version")


class Durations:
    """How often something took how long; `counts` has one place more than `BOUNDS`."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum_s = 0.0


class CallFigures:
    """What happened to the calls of one service.

    An outcome is `answered`, `raised` (the service's own code failed) or a problem type.
    """

    __slots__ = ("execute", "key", "outcomes", "overhead", "queue", "total")

    def __init__(self, key: ServiceKey) -> None:
        self.key = key
        self.outcomes: dict[str, int] = {}
        self.total, self.queue, self.execute, self.overhead = (Durations() for _ in range(4))

    def observe(self, outcome: str, total_s: float, queued_s: float, executed_s: float) -> None:
        """Count a call that was executed; overhead is what of the total was not execution."""
        outcomes = self.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        # Written out four times on purpose: a loop over pairs costs twice as much per call.
        one = self.total
        one.counts[bisect_left(BOUNDS, total_s)] += 1
        one.sum_s += total_s
        one = self.queue
        one.counts[bisect_left(BOUNDS, queued_s)] += 1
        one.sum_s += queued_s
        one = self.execute
        one.counts[bisect_left(BOUNDS, executed_s)] += 1
        one.sum_s += executed_s
        one = self.overhead
        total_s -= executed_s
        one.counts[bisect_left(BOUNDS, total_s)] += 1
        one.sum_s += total_s

    def refuse(self, outcome: str) -> None:
        """Count a call that was refused before it could be executed."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


class Counted(Protocol):
    """Whoever counts something by reason, such as refused handshakes or restarted workers."""

    def __call__(self) -> Mapping[str, int]:
        """Return how often, by reason, since the start of the process."""


@dataclass(frozen=True)
class Sources:
    """Where the figures that others keep are read from, at each scrape.

    `expiries` gives the seconds to the end of each certificate by the entry of its store.
    """

    capacity: Callable[[], Capacity] | None = None
    restarts: Counted | None = None
    expiries: Callable[[], Mapping[str, float]] | None = None
    handshakes_refused: Counted | None = None
    active_requests: Callable[[], int] | None = None


class Metrics(Collector):
    """All figures of a node, under their Prometheus names, in a registry of their own."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self._calls: dict[tuple[str, str], CallFigures] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def calls(self, key: ServiceKey) -> CallFigures:
        """Return the figures of *key*; they outlive the service, as counters must."""
        names = key.name, key.version
        figures = self._calls.get(names)
        if figures is None:
            figures = self._calls[names] = CallFigures(ServiceKey(*names))
        return figures

    def exposition(self) -> bytes:
        """Return everything in the text format of Prometheus, version 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Return the families; called by the registry."""
        figures = sorted(self._calls.values(), key=lambda one: (one.key.name, one.key.version))
        yield _outcomes(figures)
        yield from _durations(figures)
        yield from self._of_others()

    def _of_others(self) -> Iterable[Metric]:
        sources = self.sources
        if sources.capacity is not None:
            yield _workers(sources.capacity())
        if sources.restarts is not None:
            yield _by_reason(
                "hermetic_worker_restarts", "Workers replaced, by reason.", sources.restarts()
            )
        if sources.handshakes_refused is not None:
            yield _by_reason(
                "hermetic_handshakes_refused",
                "TLS handshakes refused, by reason.",
                sources.handshakes_refused(),
            )
        if sources.expiries is not None:
            gauge = GaugeMetricFamily(
                "hermetic_certificate_expiry_seconds",
                "Seconds until a certificate ends; negative once it has.",
                labels=("entry",),
            )
            for entry, seconds in sorted(sources.expiries().items()):
                gauge.add_metric((entry,), seconds)
            yield gauge
        if sources.active_requests is not None:
            yield GaugeMetricFamily(
                "http_server_active_requests",
                "Requests that have arrived and are not answered yet.",
                value=sources.active_requests(),
            )


def _outcomes(figures: Sequence[CallFigures]) -> Metric:
    family = CounterMetricFamily(
        "hermetic_calls", "Calls of services, by outcome.", labels=(*_LABELS, "outcome")
    )
    for one in figures:
        for outcome, count in sorted(one.outcomes.items()):
            family.add_metric((one.key.name, one.key.version, outcome), count)
    return family


def _durations(figures: Sequence[CallFigures]) -> Iterable[Metric]:
    for name, text, durations in (
        ("hermetic_call_duration_seconds", "A call, from its last byte in to its answer.", "total"),
        ("hermetic_queue_seconds", "Waiting for a free worker.", "queue"),
        ("hermetic_execute_seconds", "Running the service's own code.", "execute"),
        ("hermetic_overhead_seconds", "Total less execution: what the node costs.", "overhead"),
    ):
        family = HistogramMetricFamily(name, text, labels=_LABELS)
        for one in figures:
            _add(family, one.key, getattr(one, durations))
        yield family


def _add(family: HistogramMetricFamily, key: ServiceKey, durations: Durations) -> None:
    buckets, seen = [], 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), durations.counts, strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    family.add_metric((key.name, key.version), buckets, durations.sum_s)


def _workers(capacity: Capacity) -> Metric:
    gauge = GaugeMetricFamily("hermetic_workers", "Interpreters, by state.", labels=("state",))
    gauge.add_metric(("busy",), capacity.busy)
    gauge.add_metric(("idle",), capacity.workers - capacity.busy)
    return gauge


def _by_reason(name: str, text: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=("reason",))
    for reason, count in sorted(counts.items()):
        family.add_metric((reason,), count)
    return family
