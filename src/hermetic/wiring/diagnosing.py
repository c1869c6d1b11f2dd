"""What a web node looks at when it is asked for a diagnosis."""

from collections.abc import Sequence
from importlib.metadata import version

from hermetic.clock import Clock
from hermetic.diagnostics import database, home
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.gateway.changes import ChangeFeed
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.farm import Farm
from hermetic.wiring.keeping import Kept

_THIS = "this web node"


def diagnosis_of(
    kept: Kept, backend: BackEnd, farm: Farm, feed: ChangeFeed, clock: Clock
) -> Diagnosis:
    """Return what looks at a web node that keeps *kept*, and at what is behind it."""

    async def tables() -> Sequence[Finding]:
        return [await database.look(kept.database, " ".join(kept.described))]

    async def disk() -> Sequence[Finding]:
        return [home.room(kept.root)]

    async def keys() -> Sequence[Finding]:
        text = f"Tokens are signed with another key than at {', '.join(feed.differing)}."
        remedy = "let Authentication.JWTSigningCertificate name the same certificate everywhere"
        return [Finding("signing.differs", _THIS, text, remedy)] if feed.differing else []

    return Diagnosis(
        farm.nodes,
        trust=lambda: backend.trust.trust,
        credential=lambda: backend.credential,
        others=[tables, disk, keys],
        peers=lambda: [one.url for one in feed.others()],
        version=version("hermetic"),
        clock=clock,
    )
