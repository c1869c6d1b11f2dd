"""What a node counts, as Prometheus reads it."""

import timeit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hermetic.client.execution import Capacity
from hermetic.node.metrics import BOUNDS, CallFigures, Metrics, Sources
from hermetic.serving.service import ServiceKey

WINE = ServiceKey("wine", "1.0")


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return what a scrape says, by name and label values."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_calls_are_counted_by_service_version_and_outcome() -> None:
    metrics = Metrics()
    metrics.calls(WINE).observe("answered", 0.1, 0.0, 0.1)
    metrics.calls(WINE).observe("answered", 0.1, 0.0, 0.1)
    metrics.calls(WINE).refuse("unauthenticated")
    metrics.calls(ServiceKey("beer", "2")).observe("raised", 0.1, 0.0, 0.1)
    found = samples(metrics)
    assert found["hermetic_calls_total", "answered", "wine", "1.0"] == 2
    assert found["hermetic_calls_total", "unauthenticated", "wine", "1.0"] == 1
    assert found["hermetic_calls_total", "raised", "beer", "2"] == 1


def test_overhead_is_what_of_the_total_was_not_execution() -> None:
    metrics = Metrics()
    metrics.calls(WINE).observe("answered", 0.25, 0.05, 0.15)
    found = samples(metrics)
    for name, expected in (
        ("call_duration", 0.25),
        ("queue", 0.05),
        ("execute", 0.15),
        ("overhead", 0.1),
    ):
        assert found[f"hermetic_{name}_seconds_sum", "wine", "1.0"] == pytest.approx(expected)
        assert found[f"hermetic_{name}_seconds_count", "wine", "1.0"] == 1


@pytest.mark.parametrize(
    ("total_s", "first"),
    [(0.0, "0.0005"), (0.0005, "0.0005"), (0.00051, "0.001"), (9.9, "10.0"), (10.1, "+Inf")],
)
def test_buckets_are_cumulative_and_hold_their_bound(total_s: float, first: str) -> None:
    metrics = Metrics()
    metrics.calls(WINE).observe("answered", total_s, 0.0, 0.0)
    found = samples(metrics)
    bounds = [*map(str, BOUNDS), "+Inf"]
    counts = [
        found["hermetic_call_duration_seconds_bucket", bound, "wine", "1.0"] for bound in bounds
    ]
    assert counts == [0.0] * bounds.index(first) + [1.0] * (len(bounds) - bounds.index(first))


def test_what_others_count_is_read_at_the_scrape() -> None:
    metrics = Metrics(
        Sources(
            capacity=lambda: Capacity(workers=3, busy=2, queued=0, most=4),
            restarts=lambda: {"deadline": 5},
            expiries=lambda: {"api": 86_400.5},
            handshakes_refused=lambda: {"unknown-name": 7},
            active_requests=lambda: 9,
        )
    )
    found = samples(metrics)
    assert found["hermetic_workers", "busy"] == 2
    assert found["hermetic_workers", "idle"] == 1
    assert found["hermetic_worker_restarts_total", "deadline"] == 5
    assert found["hermetic_certificate_expiry_seconds", "api"] == 86_400.5
    assert found["hermetic_handshakes_refused_total", "unknown-name"] == 7
    assert found["http_server_active_requests",] == 9


def test_what_nobody_counts_is_not_claimed() -> None:
    assert samples(Metrics()) == {}


def test_a_label_cannot_forge_a_line() -> None:
    metrics = Metrics()
    metrics.calls(ServiceKey('a"} 9\nhermetic_calls_total{x="', "1")).refuse("busy")
    assert list(samples(metrics).values()) == [1.0] + [0.0] * (len(samples(metrics)) - 1)


def test_two_nodes_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.calls(WINE).refuse("busy")
    assert samples(other) == {}


@pytest.mark.slow
def test_counting_a_call_takes_a_microsecond() -> None:
    figures = CallFigures(WINE)
    best_s = min(
        timeit.repeat(lambda: figures.observe("answered", 0.001, 0.0, 0.0005), number=20_000)
    )
    assert best_s / 20_000 < 3e-6  # thrice the goal: the machine may be busy
