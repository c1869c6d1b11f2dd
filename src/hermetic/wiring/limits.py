"""What the limits in the settings mean to a listener, to a connection, and to the workers."""

from hermetic.compute.limits import Limits as Work
from hermetic.config.sections import Limits as Bounds
from hermetic.config.sections import Pool
from hermetic.http.limits import WireLimits
from hermetic.node.descriptors import room_for
from hermetic.node.listener import Limits


def listening_limits(bounds: Bounds) -> Limits:
    """Return what the settings mean to a listener."""
    return Limits(
        connections=room_for(bounds.connections), per_address=bounds.connections_per_address
    )


def wire_limits(bounds: Bounds) -> WireLimits:
    """Return what the settings mean to a connection."""
    return WireLimits(call_bytes=bounds.body_bytes, upload_bytes=bounds.upload_bytes)


def limits_of(pool: Pool, bounds: Bounds) -> Work:
    """Return what the settings mean to the workers."""
    return Work(
        initial=pool.initial_size,
        most=pool.max_size,
        ceiling=max(Work.ceiling, pool.max_size),
        queued=bounds.queue_length,
        call_s=bounds.call_seconds,
        load_s=bounds.load_seconds,
        memory=bounds.worker_memory_bytes,
        body=bounds.body_bytes,
    )
