"""Writers that are to be killed: `python -m tests.support.store_writer ROOT`.

Each line on standard input forks one: `endless` writes the entry `api` again and again,
`careless` does so as stores do that write one file after the other, and `step N` is killed by its own disk before the step N of one write.  Answered at once by a line
with its process id, and, once it has ended and a further line came in, by one with its exit
status and how many writes it had told of as done.  A fork instead of a start: a thousand
interpreters that load OpenSSL would take minutes.
"""

import itertools
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from hermetic.certificates.credential import Credential
from hermetic.certstore.disk import Disk, SystemDisk
from hermetic.certstore.files import FileStore
from hermetic.log import configure
from tests.support.certificates import hierarchy
from tests.support.disks import KilledAt, TroubledDisk

ENTRY = "api"


def write_endlessly(root: Path, credentials: list[Credential], told: int) -> None:
    store = FileStore(root)
    for credential in itertools.cycle(credentials):
        store.write(ENTRY, credential)
        os.write(told, b".")


def write_carelessly(root: Path, credentials: list[Credential]) -> None:
    current = root / ENTRY / "current"
    for credential in itertools.cycle(credentials):
        (current / "tls.key").write_bytes(credential.key_pem)
        (current / "tls.crt").write_bytes(credential.chain_pem)


def write_once(root: Path, credential: Credential, disk: Disk, told: int) -> None:
    FileStore(root, disk=disk).write(ENTRY, credential)
    os.write(told, b".")


def start(root: Path, command: str, credentials: list[Credential]) -> tuple[int, int]:
    """Fork a writer; return its process id and where it tells of its writes."""
    listening, told = os.pipe()
    child = os.fork()
    if child:
        os.close(told)
        return child, listening
    os.close(listening)
    kind, _, number = command.partition(" ")
    if kind == "endless":
        write_endlessly(root, credentials, told)
    elif kind == "careless":
        write_carelessly(root, credentials)
    else:
        disk = TroubledDisk(KilledAt(int(number)), SystemDisk())
        write_once(root, credentials[0], disk, told)
    os._exit(0)


def main(root: Path) -> None:
    configure(node="writer", level=logging.WARNING)
    above = hierarchy(datetime.now(UTC))
    credentials = [above.issue(f"node-{number}.test") for number in range(3)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for command in sys.stdin:
        child, listening = start(root, command.strip(), credentials)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        with os.fdopen(listening, "rb") as file:
            told = len(file.read())
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
