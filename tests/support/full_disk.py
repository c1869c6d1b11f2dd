"""A store on a real, tiny disk: `unshare --mount python -m tests.support.full_disk FOLDER`.

Mounts a tmpfs of its own on FOLDER, where nobody else sees it, leaves room for 0, 1, 2 …
further pages (or, with `--inodes`, files), tries to write a new credential each time, and
prints one JSON object for each try.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.errors import StorageFull
from hermetic.log import configure
from tests.support.certificates import hierarchy

PAGE = 4096


def fill(folder: Path, *, files: bool) -> int:
    """Take all the room there is below *folder*, one page or file in each; return how many."""
    for number in count():
        try:
            (folder / str(number)).write_bytes(b"" if files else b"." * PAGE)
        except OSError:
            (folder / str(number)).unlink(missing_ok=True)
            return number
    return 0


def try_with(room: int, root: Path, fillings: Path, *, files: bool) -> dict[str, object]:
    """Write where there is *room*, then where there is enough; tell what was found."""
    old, new = credentials()
    store = FileStore(root)
    store.write("api", old)
    before = sorted(str(path) for path in root.rglob("*"))
    taken = fill(fillings, files=files)
    for number in range(taken - room, taken):
        (fillings / str(number)).unlink()
    outcome: dict[str, object] = {"room": room, "full": False}
    try:
        store.write("api", new)
    except StorageFull:
        outcome["full"] = True
        outcome["same files"] = sorted(str(path) for path in root.rglob("*")) == before
    found = FileStore(root).read("api").chain
    outcome["right pair"] = found == (old if outcome["full"] else new).chain
    for path in fillings.iterdir():
        path.unlink()
    store.write("api", new)
    outcome["next try"] = store.read("api").chain == new.chain
    return outcome


def credentials() -> tuple[Credential, Credential]:
    above = hierarchy(datetime.now(UTC))
    return above.issue("old.test"), above.issue("new.test")


def main(folder: Path, *, files: bool) -> None:
    configure(node="full-disk", level=50)
    room = "size=4m,nr_inodes=48" if files else "size=160k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", room, "tmpfs", str(folder)], check=True)
    fillings = folder / "fillings"
    fillings.mkdir()
    for room_left in range(20):
        outcome = try_with(room_left, folder / "store", fillings, files=files)
        sys.stdout.write(json.dumps(outcome) + "\n")
        if not outcome["full"]:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), files="--inodes" in sys.argv)
