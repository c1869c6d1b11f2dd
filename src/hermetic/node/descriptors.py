"""How many files and connections this process may have open.

A connection takes a descriptor, and so do workers, the database and every file: whoever opens
connections must not be able to take the last one.
"""

import contextlib
import resource

from hermetic.log import logger

RESERVED = 512
"""For all but connections: 96 workers and 20 sessions of three each, threads, files, sockets."""

log = logger(__name__)


def room_for(connections: int) -> int:
    """Return how many of *connections* can be borne, once the system's bound was raised for them.

    Only as far as it may be without privileges; where that is not enough, a warning says so.
    """
    wanted = connections + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < wanted:
        # Some systems refuse what they name as the hard limit.
        with contextlib.suppress(ValueError, OSError):
            raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    # A bound of a few hundred leaves neither enough: each gets half.
    room = connections if soft < 0 else min(connections, max(soft - RESERVED, soft // 2))
    if room < connections:
        log.warning("listener.fewer_connections", wanted=connections, borne=room, open_files=soft)
    return room
