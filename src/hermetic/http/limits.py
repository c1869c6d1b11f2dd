"""What a client may ask of a connection: sizes in bytes, times in seconds."""

from dataclasses import dataclass

_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True)
class WireLimits:
    """Bounds that hold for every request, whoever sends it; each has its reason beside it."""

    # A JWT is under 1 KiB; browsers and proxies stop between 8 and 64 KiB.
    header_bytes: int = 64 * _KIB
    header_fields: int = 100
    # RFC 9112, 3 asks for at least 8000 bytes of request line.
    address_bytes: int = 8 * _KIB
    # A header section fits into a few packets; who needs longer is holding the door.
    header_s: float = 10.0
    # A body has to progress: this much on average over each window, so it cannot stand still.
    body_bytes_per_s: int = _KIB
    body_window_s: float = 10.0
    # Above the 60 s after which common load balancers drop idle connections themselves.
    idle_s: float = 65.0
    # A client that takes none of its answer for so long will not take the rest.
    write_idle_s: float = 30.0
    # How long what still arrives is thrown away after a refusal, so that the answer is read
    # and not lost to a reset (RFC 9112, 9.6).
    linger_s: float = 2.0
    call_bytes: int = 32 * _MIB
    json_bytes: int = 4 * _MIB
    # What the IIS template of ML Server allowed.
    upload_bytes: int = 4 * _GIB
    # Requests sent ahead of their answers on one connection.
    pipelined: int = 64
