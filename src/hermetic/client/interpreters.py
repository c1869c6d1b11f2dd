"""What a web node asks of whoever keeps the interpreters of sessions.

A session is a folder with `files/` (the interpreter's working directory) and `workspace/` (one
file for each object, its dill bytes).  As long as nothing has been executed there is no
process: objects are bytes in `workspace/`, and are never unpickled.  With the first execution
an interpreter starts, takes the objects in, and is from then on the only one who knows them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Interpreters(Protocol):
    """Keeps one interpreter for each session that has executed something.

    Every method MUST be called on the event loop's thread.  Executions and object accesses of
    one session happen one after the other, in the order in which they were asked for.  Every
    method but `open` and `close` raises `NotFound` for a session that is not open, and `Gone`
    for one whose interpreter died; such a session can only be closed.
    """

    async def open(self, session_id: str, folder: Path) -> None:
        """Make the session known, and `files/` and `workspace/` in its *folder* if missing.

        Starts no process.  Opening a session that is open already does nothing.
        """

    async def close(self, session_id: str) -> None:
        """End the session's interpreter at once, even while it runs; unknown ids are ignored.

        The folder is the caller's, and stays.
        """

    async def execute(
        self,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """Run *code* in the session and return the complete JSON of the answer.

        Its members are `success`, `errorMessage`, `outputParameters` (a list of name and value),
        `consoleOutput` and `changedFiles`.  *inputs* are values as they came from JSON and
        become variables first; *outputs* name the variables to give back.

        Raises:
            Unavailable: No interpreter could be started; the session stays as it was.
            DeadlineExceeded: It ran too long, and its interpreter was ended.
        """

    async def cancel(self, session_id: str) -> None:
        """Interrupt what runs, as Ctrl-C does; the session stays usable.  May come too late."""

    def console_output(self, session_id: str) -> str:
        """Return what the running execution, or else the last one, has written so far."""

    def history(self, session_id: str) -> Sequence[str]:
        """Return the code of every execution, oldest first; bounded to the newest thousand."""

    async def list_objects(self, session_id: str) -> Sequence[str]:
        """Return the names of the objects in the workspace, sorted."""

    async def read_object(self, session_id: str, name: str) -> bytes:
        """Return the dill bytes of an object.

        Raises:
            NotFound: There is no object of that name.
            BadInput: The object cannot be pickled, or is too large.
        """

    async def write_object(self, session_id: str, name: str, data: bytes) -> None:
        """Set the object *name* from its dill bytes.

        Raises:
            BadInput: *name* is no Python identifier, or the running interpreter cannot read
                the bytes.  Without an interpreter they are not looked at.
        """

    async def delete_object(self, session_id: str, name: str) -> None:
        """Remove the object, or raise `NotFound`."""

    async def dump_workspace(self, session_id: str) -> Sequence[str]:
        """Write every object to `workspace/<name>` and return the names that could not be.

        What cannot be pickled (an open file, a module) is left out.  Without an interpreter the
        files are there already.
        """
