"""What the settings name, as it is now: for whoever serves it and follows the stores.

`read` and `digest` are made to be handed to `tls.watch.follow` together with `folder`.
"""

from datetime import datetime
from pathlib import Path

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.errors import HermeticError


class Chosen:
    """The credential that *choice* means at each moment; to be used by one thread at a time."""

    def __init__(self, stores: Stores, choice: Choice, *, role: Role, clock: Clock) -> None:
        self._stores, self._choice, self._role, self._clock = stores, choice, role, clock
        self._seen: str | None = None
        self._spans: list[tuple[datetime, datetime]] = []

    @property
    def folder(self) -> Path:
        """The folder in which something changes whenever the stores do."""
        return self._stores.folder()

    def read(self) -> Credential:
        """Return it; raises as `Stores.choose`."""
        return self._stores.choose(self._choice, role=self._role, at=self._clock())

    def digest(self) -> str:
        """Return a word that changes whenever `read` may return something else.

        That is, when something in the stores changes, and when one of those that are meant
        begins or ends to be valid: one imported ahead of its time is then read by itself.
        """
        stored = self._stores.digest()
        if stored != self._seen:
            try:
                self._spans = self._spans_of_those_meant()
            except HermeticError as error:
                return f"{stored}: {error.text}"  # asked anew next time
            self._seen = stored
        now = self._clock().replace(microsecond=0)  # validity is in whole seconds
        passed = [begin <= now for begin, _ in self._spans] + [end < now for _, end in self._spans]
        return f"{stored}:{sum(passed)}"

    def _spans_of_those_meant(self) -> list[tuple[datetime, datetime]]:
        return [
            (one.chain.not_before, one.chain.not_after)
            for one in self._stores.credentials(self._choice.location, self._choice.store)
            if self._choice.means(one.chain.leaf)
        ]
