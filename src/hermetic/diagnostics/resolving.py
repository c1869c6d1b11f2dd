"""The addresses of a host, asked for in a thread that nobody has to wait for.

The resolver of the system cannot be stopped, and takes many seconds where no name server
answers.  A pool's thread would hold up the end of the process as long.
"""

import asyncio
import socket
import threading
from contextlib import suppress


async def addresses(host: str, port: int | None = None) -> list[str]:
    """Return the addresses of *host*, sorted, each once.

    Raises:
        OSError: It has none.
        UnicodeError: It can be no name of a host.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | Exception) -> None:
        if answer.done():
            return  # whoever asked has gone
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[str] | Exception
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = sorted({str(one[4][0]) for one in known})
        except (OSError, UnicodeError) as error:
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return await answer
