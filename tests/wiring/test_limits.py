from hermetic.config.sections import Limits, Pool
from hermetic.wiring.limits import limits_of, listening_limits, wire_limits


def test_settings_become_the_limits_of_workers() -> None:
    bounds = Limits(call_seconds=2, worker_memory_bytes=1 << 28, queue_length=7, load_seconds=9)
    limits = limits_of(Pool(initial_size=2, max_size=120), bounds)
    assert (limits.initial, limits.most, limits.queued) == (2, 120, 7)
    assert limits.ceiling >= limits.most
    assert (limits.call_s, limits.load_s, limits.memory) == (2, 9, 1 << 28)


def test_settings_become_the_limits_of_a_listener_and_of_its_connections() -> None:
    bounds = Limits(connections_per_address=9, body_bytes=11, upload_bytes=13)
    assert listening_limits(bounds).per_address == 9
    wire = wire_limits(bounds)
    assert (wire.call_bytes, wire.upload_bytes) == (11, 13)
