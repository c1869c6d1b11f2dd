"""`dns-01`: the answer is a TXT record (RFC 8555, 8.4), written by update (RFC 2136) or a program.

The record is added to those that are there and nothing else is touched; where `_acme-challenge` of
a name is an alias (CNAME), what it leads to is written.  What was added is noted before it is, so
that what a killed process left behind is taken away by the next.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import dns.name
import dns.rdatatype

from hermetic.errors import BadConfiguration, HermeticError, Unavailable
from hermetic.issuers.acme.jose import encoded
from hermetic.issuers.acme.order import Proof
from hermetic.issuers.dns_updates import DnsUpdates, UpdateServer
from hermetic.log import logger

_TTL_S = 60
_SEEN_WITHIN_S = 240.0
_ASK_AGAIN_S = 2.0
_MOST_ALIASES = 8
_PROGRAM_WITHIN_S = 300.0

log = logger(__name__)


class Notes(Protocol):
    """Where is noted what has to be taken away; every method blocks."""

    def all(self) -> Sequence[tuple[str, str]]:
        """Return the names and values that were noted."""
        ...

    def add(self, name: str, value: str) -> None:
        """Note it, durably."""
        ...

    def remove(self, name: str, value: str) -> None:
        """Forget it, if it was noted."""
        ...


def record_name(name: str) -> str:
    """Return where the TXT record of *name* is looked for."""
    return f"_acme-challenge.{name}."


def record_value(proof: Proof) -> str:
    """Return what stands in the TXT record."""
    return encoded(hashlib.sha256(proof.answer.encode()).digest())


class Updates:
    """Writes the record by DNS updates, and waits until the zone's servers say it.

    Args:
        seen_at: Servers to ask instead of those that the zone names, for who cannot reach those.
    """

    kind = "dns-01"

    def __init__(
        self, server: UpdateServer, notes: Notes, *, seen_at: Sequence[tuple[str, int]] = ()
    ) -> None:
        self._dns, self._notes, self._seen_at = DnsUpdates(server), notes, tuple(seen_at)

    async def present(self, proof: Proof) -> None:
        """Add the record, and wait until every server of its zone says it.

        Raises:
            BadConfiguration: The server refuses the key, or the zone is not its.
            Unavailable: A server does not answer, or does not say it in time.
        """
        value, name = record_value(proof), await self._written_at(record_name(proof.name))
        zone = await self._dns.zone(name)
        await asyncio.to_thread(self._notes.add, str(name), value)
        await self._dns.change(zone, lambda update: update.add(name, _TTL_S, "TXT", value), "TXT")
        try:
            async with asyncio.timeout(_SEEN_WITHIN_S):
                for server in self._seen_at or await self._dns.servers(zone):
                    await self._until_said(server, name, value)
        except TimeoutError as error:
            raise Unavailable(
                f"Not every DNS server of {zone} says {name} within {_SEEN_WITHIN_S:g} s: look at"
                " its secondary servers."
            ) from error

    async def withdraw(self, proof: Proof) -> None:
        """Take the record away."""
        value = record_value(proof)
        await self._withdraw(await self._written_at(record_name(proof.name)), value)

    async def sweep(self) -> None:
        """Take away what a process that was killed had noted and not taken away."""
        failed: HermeticError | None = None
        for name, value in await asyncio.to_thread(self._notes.all):
            try:
                await self._withdraw(dns.name.from_text(name), value)
                log.info("acme.record_swept", name=name)
            except HermeticError as error:
                failed = error  # of one zone; the others are no worse for it
        if failed is not None:
            raise failed

    async def _withdraw(self, name: dns.name.Name, value: str) -> None:
        zone = await self._dns.zone(name)
        await self._dns.change(zone, lambda update: update.delete(name, "TXT", value), "TXT")
        await asyncio.to_thread(self._notes.remove, str(name), value)

    async def _written_at(self, text: str) -> dns.name.Name:
        """Return the name that *text* is an alias of, or itself."""
        name = dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical)
        for _ in range(_MOST_ALIASES):
            answer = await self._dns.ask(name, dns.rdatatype.CNAME)
            found = [one for one in answer.answer if one.rdtype == dns.rdatatype.CNAME]
            if not found:
                return name
            name = found[0][0].target
        raise BadConfiguration(f"{text} is an alias of an alias of an alias: shorten that.")

    async def _until_said(self, server: tuple[str, int], name: dns.name.Name, value: str) -> None:
        while True:
            with suppress(Unavailable):
                answer = await self._dns.ask(name, dns.rdatatype.TXT, server)
                said = {
                    b"".join(record.strings).decode("ascii", "replace")
                    for found in answer.answer
                    if found.rdtype == dns.rdatatype.TXT
                    for record in found
                }
                if value in said:
                    return
            await asyncio.sleep(_ASK_AGAIN_S)


class Program:
    """Lets a program write the record: `PROGRAM present|withdraw NAME VALUE`.

    It ends with 0 once the zone's servers say it.  What it prints goes nowhere.
    """

    kind = "dns-01"

    def __init__(self, program: Path) -> None:
        self._program = program
        self._alone = asyncio.Lock()

    async def present(self, proof: Proof) -> None:
        """Let it add the record; raises `BadConfiguration` if it does not end with 0.

        One at a time: a program that writes a zone's file need not expect another beside it.
        """
        async with self._alone:
            await self._run("present", proof)

    async def withdraw(self, proof: Proof) -> None:
        """Let it take the record away; raises as `present`."""
        await self._run("withdraw", proof)

    async def sweep(self) -> None:
        """Do nothing: what the program did it knows itself."""

    async def _run(self, what: str, proof: Proof) -> None:
        words = (what, record_name(proof.name), record_value(proof))
        # Tokens and passwords of ours are nothing to it.
        known = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=known,
            )
        except OSError as error:
            raise BadConfiguration(
                f"The program {self._program} cannot be run ({error.strerror}): name another, or"
                f" chmod +x {self._program}."
            ) from error
        try:
            async with asyncio.timeout(_PROGRAM_WITHIN_S):
                status = await process.wait()
        except (TimeoutError, asyncio.CancelledError) as error:
            process.kill()
            await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise Unavailable(
                f"The program {self._program} did not end within {_PROGRAM_WITHIN_S:g} s."
            ) from error
        if status:
            raise BadConfiguration(
                f"The program {self._program} ended with {status} for `{' '.join(words)}`."
            )
