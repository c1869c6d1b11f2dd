"""What a web node asks of whoever runs the code.

A web node talks to workers on its own machine or to a compute node through the same contract;
it never learns which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from hermetic.errors import HermeticError
from hermetic.serving.service import Service, ServiceKey


class Answer(NamedTuple):
    """How a call ended.

    Without an `error`, `body` is the complete JSON of the answer (also where the service's own
    code raised: that is `"success": false`, not an error).  With one, `body` is empty.
    """

    body: bytes
    error: HermeticError | None
    queued_s: float
    executed_s: float


class Capacity(NamedTuple):
    """How many interpreters there are, and what they do."""

    workers: int
    busy: int
    queued: int
    most: int


@dataclass(frozen=True)
class Loaded:
    """What a trial load showed: what the service's code wrote while it was loaded."""

    console_output: str


class Execution(Protocol):
    """Runs the calls of services.  Every method MUST be called on the event loop's thread."""

    def place(self, service: Service, folder: Path | None) -> None:
        """Make *service* callable from now on; replaces an earlier placing of the same key.

        *folder* holds the unpacked bundle, if the service has one, and MUST stay unchanged
        until the service is withdrawn.  Does not wait and cannot fail: whether the service
        loads shows at its calls.
        """

    def withdraw(self, key: ServiceKey) -> None:
        """Let calls in flight end, then stop the workers of *key*.  Unknown keys are ignored."""

    async def check(self, service: Service, folder: Path | None) -> Loaded:
        """Load *service* in a worker of its own that is then thrown away.

        Raises:
            ServiceUnloadable: The service's own code failed, or took too long.
            Unavailable: There is no room for another worker.
        """

    def submit(
        self,
        key: ServiceKey,
        body: bytes,
        answer: Callable[[Answer], None],
        request_id: bytes = b"",
        within_s: float = 0.0,
    ) -> int:
        """Run one call with the JSON *body*, and hand its end to *answer*, exactly once.

        MUST NOT raise: what goes wrong is in the answer, `ServiceNotFound` if *key* is not
        placed.  MAY call *answer* before returning.  Returns a number to `abandon` it by.

        Args:
            request_id: What logs on the way are to name the call by.
            within_s: A deadline shorter than the execution's own, from now; 0 sets none.
        """

    def abandon(self, ticket: int) -> None:
        """Take note that nobody waits for the end of the call *ticket* any more.

        One that has not begun MUST NOT begin; one that runs SHOULD end soon.  Its answer is
        still handed over.  A call that has ended is ignored.
        """

    async def probe(self) -> None:
        """Run a self-test through a worker; raise `Unavailable` if none answers in a second."""

    def capacity(self) -> Capacity:
        """Return how busy the workers are at this moment."""
