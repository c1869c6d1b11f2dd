"""Applications that call a deployment by its host name, wherever that leads."""

import http.client
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class _Connection(http.client.HTTPSConnection):
    """A connection to this machine, for a host name that nobody resolves."""

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.sock = self._context.wrap_socket(  # type: ignore[attr-defined]  # of the class
            plain, server_hostname=self.host
        )


@dataclass
class Load:
    """Applications at work: what they were answered, until they are stopped."""

    threads: list[threading.Thread] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def stop(self) -> tuple[int, list[Any]]:
        """Return how many calls were answered with 200, and what else they ended with."""
        self.stopping.set()
        for one in self.threads:
            one.join()
        failed = [status for status in self.statuses if status != 200]
        return self.statuses.count(200), [*failed, *self.errors]


class Applications:
    """Calls the deployment at *uri* with *key*, believing *ca* and nobody else."""

    def __init__(self, uri: str, key: str, ca: str) -> None:
        parts = urlsplit(uri)
        assert parts.hostname is not None
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path
        self._context = ssl.create_default_context(cafile=ca)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._loads: list[Load] = []

    def call(self, connection: http.client.HTTPConnection | None = None, **inputs: object) -> int:
        """Call once, on a connection of its own if none is given; return the status."""
        used = connection or self.connection()
        try:
            used.request("POST", self._path, json.dumps(inputs), self._headers)
            answer = used.getresponse()
            answer.read()
        finally:
            if connection is None:
                used.close()
        return answer.status

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection, not yet open."""
        return _Connection(self._host, self._port, context=self._context)

    def serial(self) -> str:
        """Return the serial number of what is presented now."""
        with (
            socket.create_connection(("127.0.0.1", self._port or 443), timeout=10) as plain,
            self._context.wrap_socket(plain, server_hostname=self._host) as sealed,
        ):
            found = sealed.getpeercert() or {}
            return str(found["serialNumber"])

    def in_the_background(self, number: int) -> Load:
        """Let *number* applications call again and again, half of them on one connection each."""
        load = Load()
        for which in range(number):
            thread = threading.Thread(target=self._work, args=(load, which % 2 == 0), daemon=True)
            load.threads.append(thread)
            thread.start()
        self._loads.append(load)
        return load

    def _work(self, load: Load, keeps: bool) -> None:
        connection = self.connection() if keeps else None
        while not load.stopping.is_set():
            try:
                load.statuses.append(self.call(connection, x=1))
            except (OSError, http.client.HTTPException) as error:
                load.errors.append(repr(error))
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop all that call in the background."""
        for load in self._loads:
            load.stop()
