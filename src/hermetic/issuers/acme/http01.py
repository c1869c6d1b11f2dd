"""`http-01`: the answer lies under `/.well-known/acme-challenge/` (RFC 8555, 8.3)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.order import Proof

_PATH = "/.well-known/acme-challenge/"
_LONGEST_HEAD = 8 << 10
_HEAD_WITHIN_S = 10.0


class OwnPort:
    """Answers on a port of ours as long as there is something to prove.

    The server asks port 80 of each name; *port* is where that leads to here.
    """

    kind = "http-01"

    def __init__(self, port: int = 80, hosts: Sequence[str] | None = None) -> None:
        self._port, self._hosts = port, list(hosts) if hosts else None
        self._answers: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._alone = asyncio.Lock()

    async def present(self, proof: Proof) -> None:
        """Answer for *proof*; raises `BadConfiguration` if the port cannot be had."""
        async with self._alone:
            if self._server is None:
                self._server = await self._listen()
            self._answers[_PATH + proof.token] = proof.answer

    async def sweep(self) -> None:
        """Do nothing: what was shown ended with its process."""

    async def withdraw(self, proof: Proof) -> None:
        """Answer no more for *proof*, and close the port with the last one."""
        async with self._alone:
            self._answers.pop(_PATH + proof.token, None)
            if self._answers or self._server is None:
                return
            self._server.close()
            self._server = None

    async def _listen(self) -> asyncio.Server:
        try:
            return await asyncio.start_server(
                self._answer, self._hosts, self._port, limit=_LONGEST_HEAD, reuse_address=True
            )
        except OSError as error:
            raise BadConfiguration(
                f"Port {self._port} cannot be listened on ({error.strerror}): free it, run this as"
                " root, or let the server that has it serve a folder, and name that folder"
                " (--webroot)."
            ) from error

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError
        ):
            async with asyncio.timeout(_HEAD_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.partition(b" ")
                path = rest.partition(b" ")[0].decode("ascii", "replace")
                found = self._answers.get(path) if method in {b"GET", b"HEAD"} else None
                body = (found or "Nothing is here.\n").encode()
                status = b"200 OK" if found else b"404 Not Found"
                kind = b"application/octet-stream" if found else b"text/plain"
                writer.write(
                    b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
                    b"connection: close\r\n\r\n" % (status, kind, len(body))
                )
                writer.write(body if method == b"GET" else b"")
                await writer.drain()
        writer.close()


class Webroot:
    """Lays the answer into a folder that a web server of somebody else serves on port 80."""

    kind = "http-01"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def present(self, proof: Proof) -> None:
        """Write the answer; raises `BadConfiguration` if the folder cannot be written."""
        await asyncio.to_thread(self._write, proof)

    async def sweep(self) -> None:
        """Do nothing: an answer that nobody asks for any more does no harm."""

    async def withdraw(self, proof: Proof) -> None:
        """Remove the answer."""
        with suppress(OSError):
            await asyncio.to_thread(self._place(proof).unlink, missing_ok=True)

    def _write(self, proof: Proof) -> None:
        place = self._place(proof)
        try:
            if not self._folder.is_dir():
                raise BadConfiguration(
                    f"There is no folder {self._folder}: make it, or name another."
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(proof.answer)
            place.chmod(0o644)  # whoever serves it is somebody else; the answer is public
        except OSError as error:
            raise BadConfiguration(
                f"{place} cannot be written ({error.strerror}): let this user write there."
            ) from error

    def _place(self, proof: Proof) -> Path:
        return self._folder / _PATH.strip("/") / proof.token
