"""What a web node asks of whoever keeps sessions.

A session is two shelves, files and workspace objects, and an interpreter once something was
executed in it.  All of it lives on one machine.  A web node speaks to that machine, or to itself
where both are one, through the same contract, and never learns which; so everything that goes
in or comes out can be sent, and nothing here is a path.  Whose a session is, is not known here:
whoever asks has seen to that.

As long as nothing was executed, objects are bytes that come in and go out as they are, and MUST
NOT be unpickled.  With the first execution an interpreter takes them over, and from then on is
the only one who knows them.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hermetic.client.content import Content
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind


@dataclass(frozen=True)
class SessionArchive:
    """A whole session as a bundle (ZIP), for somebody to keep.

    `left_out` names objects that cannot be pickled, an open file or a generator for example,
    and so are missing; a hundred names at the most.
    """

    content: Content
    left_out: tuple[str, ...]


class SessionHost(Protocol):
    """Keeps sessions and runs their code.

    Executions and accesses to objects of one session MUST happen one after the other, in the
    order in which they were asked for; files SHOULD come and go while code runs.  What is asked
    in order to change something is done or not done, never half, unless said otherwise.  A host
    MAY close by itself a session that nobody used for long; every question counts as use, but
    not `known`.

    Every method MAY raise `Unavailable`: the host does not answer, or is stopping.  Every method
    but `open`, `close` and `known` raises `SessionNotFound` for a session that is not kept here,
    or no more.  Those that need an interpreter that has died raise `Gone`; then files can still
    be had, and the session can be closed.
    """

    async def open(self, session_id: str, runtime: RuntimeKind) -> None:
        """Make room for a session.  Starts no process; opening one again MUST change nothing.

        Raises:
            BadInput: *session_id* is something else than letters, digits and hyphens.
            Busy: The host keeps as many sessions as it may.
            StorageFull: There is no room.
        """

    async def close(self, session_id: str, *, force: bool = False) -> None:
        """Forget a session and all it holds; what it runs is ended at once.

        Changes under way, and keeping, are awaited first, unless *force* is given.  A session
        that is not here is ignored, so that closing MAY be repeated.
        """

    async def known(self, session_ids: Collection[str]) -> set[str]:
        """Return those of *session_ids* that are kept here."""

    async def names(self, session_id: str, shelf: Shelf) -> list[str]:
        """Return the names of the plain files, or of the workspace's objects, sorted."""

    async def write(
        self, session_id: str, shelf: Shelf, name: str, pieces: AsyncIterator[bytes]
    ) -> None:
        """Put a file, or a serialised object, into the session, in place of one of that name.

        It counts once all *pieces* have come: what they raise MUST leave what was there.

        Raises:
            BadInput: The name is not one plain name, or an object's no Python identifier; or the
                running interpreter cannot read the object.
            BodyTooLarge: It, or the session with it, would be larger than allowed.
            Conflict: There is a folder of that name.
            StorageFull: There is no room.
        """

    async def read(self, session_id: str, shelf: Shelf, name: str) -> Content:
        """Return a file, or a serialised object.

        Raises:
            NotFound: There is none of that name, or it is no plain file.
            BadInput: The object cannot be pickled, or is too large.
        """

    async def delete(self, session_id: str, shelf: Shelf, name: str) -> None:
        """Remove a file, or an object, or raise `NotFound`."""

    async def execute(
        self,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """Run *code* in the session and return the complete JSON of the answer.

        Its members are `success`, `errorMessage`, `outputParameters` (a list of name and value),
        `consoleOutput` and `changedFiles`; code that raises is an answer, not an error.
        *inputs* are values as they came from JSON and become variables first; *outputs* name
        the variables to give back.

        Raises:
            BadInput: An input or output is no Python identifier, or nested too deeply.
            Unavailable: No interpreter could be started; the session stays as it was.
            Gone: The interpreter died of it, or the session was closed meanwhile.
            DeadlineExceeded: It ran too long, and its interpreter was ended.
        """

    async def cancel(self, session_id: str) -> None:
        """Interrupt what runs, as Ctrl-C does; the session stays usable.  May come too late."""

    async def console_output(self, session_id: str) -> str:
        """Return what the running execution, or else the last one, has written so far."""

    async def history(self, session_id: str) -> list[str]:
        """Return the code of every execution, oldest first; bounded to the newest thousand."""

    async def keep(self, session_id: str) -> SessionArchive:
        """Return what the session holds at this moment; equal content MUST be equal bytes.

        Raises:
            BundleRejected: A file's name cannot be kept, or it all is too large.
            BadInput: Folders lie too deep in folders.
            StorageFull: There is no room to pack it.
        """

    async def fill(self, session_id: str, archive: Content) -> None:
        """Merge a bundle into the session: files are overwritten, objects set, the rest stays.

        What was merged before an error MAY stay.  The archive remains the caller's to close.

        Raises:
            BundleRejected: It is no bundle, or it is damaged.
            BodyTooLarge: The session would hold more than it may.
            BadInput: The running interpreter cannot read one of the objects.
            Conflict: A folder stands where a file has to go, or the other way round.
            StorageFull: There is no room.
        """
