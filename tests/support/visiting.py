"""A node that serves in this process, and somebody who visits it from another thread."""

import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

from hermetic.wiring.life import Announce, Ready

V = TypeVar("V")


def during(
    serve: Callable[[Announce], object], visit: Callable[[Ready], V], *, stops: bool = True
) -> V:
    """Run a node with *serve*, call *visit* once it is ready, and stop it with SIGTERM.

    Returns what came of the visit, or raises what it raised.  Unless *stops*, the visit stops it.
    """
    came: list[V] = []
    failed: list[BaseException] = []

    def visitor(ready: Ready) -> None:
        try:
            came.append(visit(ready))
        except BaseException as error:
            failed.append(error)
        finally:
            if stops or failed:
                os.kill(os.getpid(), signal.SIGTERM)

    def announce(ready: Ready) -> None:
        threads.append(threading.Thread(target=visitor, args=(ready,)))
        threads[0].start()

    threads: list[threading.Thread] = []
    serve(announce)
    threads[0].join()
    if failed:
        raise failed[0]
    return came[0]
