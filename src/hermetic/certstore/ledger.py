"""What our authority signed, one line of JSON each, written before anybody is given it.

The file only grows; whoever wants to know what was certified for whom reads it with `jq` or `grep`.
A line that a crash cut short is closed by the next one, and nothing was given out for it.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hermetic.certificates.chain import Chain
from hermetic.certstore.disk import refusals_about


class Ledger:
    """The signatures in the file *path*, made if missing; several processes may add to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, chain: Chain, *, at: datetime, role: str, by: str) -> None:
        """Write down that *chain* was signed; on the disk when this returns.  Blocks.

        Args:
            role: What it is for: a role, `root` or `intermediate`.
            by: Who asked: an enrolment, or this home itself.

        Raises:
            StorageFull: There is no room; nothing of the line is left.
            BadConfiguration: This user may not write there.
        """
        told: Mapping[str, object] = {
            "at": _moment(at),
            "serial": f"{chain.serial:x}",
            "role": role,
            "names": chain.names,
            "by": by,
            "subject": chain.subject,
            "issuer": chain.leaf.issuer.rfc4514_string(),
            "notBefore": _moment(chain.not_before),
            "notAfter": _moment(chain.not_after),
            "sha256": chain.sha256,
        }
        with refusals_about(self.path):
            self._append(json.dumps(told, ensure_ascii=False).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = os.fstat(descriptor).st_size
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                line = b"\n" + line
            try:
                written = os.write(descriptor, line)
                if written != len(line):  # the last of the room; the next write says so
                    os.write(descriptor, line[written:])
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
