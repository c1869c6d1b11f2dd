"""The addresses of a face of Azure ML, and what answers them.

Its clients spell the fixed parts of an address in more than one case, and put names of files with
slashes in them into it; both is why this is a table of its own.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hermetic.errors import MethodNotAllowed, NotFound

Handler = Callable[[Request], Awaitable[Response]]
_PARAMETER = re.compile(r"\\\{(\w+)(:path)?\\\}")


@dataclass(frozen=True)
class Address:
    """One method at an address such as `/mms/models/{id}`; `{name:path}` may have slashes."""

    method: str
    path: str
    handler: Handler

    @property
    def form(self) -> re.Pattern[str]:
        """What matches the address."""
        pattern = _PARAMETER.sub(
            lambda found: f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})", re.escape(self.path)
        )
        return re.compile(rf"{pattern}/?\Z", re.IGNORECASE)


class Table:
    """An ASGI application of addresses."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._addresses = [(one, one.form) for one in addresses]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say that there is nothing here, or not with this method."""
        path, method = scope["path"], scope["method"]
        allowed = set()
        for address, form in self._addresses:
            found = form.match(path)
            if found is None:
                continue
            allowed.add(address.method)
            if method == address.method:
                scope["path_params"] = found.groupdict()
                scope["route"] = address
                response = await address.handler(Request(scope, receive, send))
                await response(scope, receive, send)
                return
        if allowed:
            told = ", ".join(sorted(allowed))
            scope["state"]["headers"] = [(b"allow", told.encode())]
            raise MethodNotAllowed(f"Use {told} here, not {method}.")
        raise NotFound("There is nothing at this address.")
