"""What the face of Azure ML stands on, real but for the workers: front ends, computes, deployments."""

import io
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from hermetic.access.principals import Principal, Role
from hermetic.certificates.credential import Credential
from hermetic.certificates.importing import Known
from hermetic.certificates.roles import Role as Purpose
from hermetic.certstore.files import FileStore
from hermetic.certstore.ledger import Ledger
from hermetic.client.execution import Answer
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.gateway.assembling import Assembly, Source, Sources
from hermetic.gateway.computes import Compute, Computes
from hermetic.gateway.deployments import Deployments, Wish, is_sealed
from hermetic.gateway.frontends import FrontEnds
from hermetic.gateway.journal import Journal
from hermetic.gateway.models import Model, Models
from hermetic.gateway.operations import Operation, Operations, OperationState
from hermetic.gateway.placing import Placing
from hermetic.gateway.uploads import Uploads
from hermetic.issuers.authority import Authority
from hermetic.registry.artifacts import Artifacts
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.deployments import Deployments as Registry
from hermetic.registry.documents import Documents
from hermetic.registry.sealed import Seal
from hermetic.serving.deployment import Deployment, DeploymentKind
from hermetic.serving.exchange import HttpRequest, HttpResponse
from hermetic.serving.frontend import Asked, TlsState, Zone
from hermetic.serving.service import ServiceKey
from hermetic.tls.by_name import ByName
from tests.support.gateway import FolderExecution
from tests.support.renewing import Issuing
from tests.support.tokens import signing_key
from tests.support.waiting import until

OLGA = Principal("olga", Role.OWNER)
ANNA = Principal("anna", Role.CONTRIBUTOR)
BERT = Principal("bert", Role.CONTRIBUTOR)
RITA = Principal("rita", Role.READER)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZONE = Zone("local", "hermetic.internal")
SCRIPT = "LocalUpload/box/score.py"


def respond(request: HttpRequest) -> HttpResponse:
    """Answer as a script would that gives back what it was sent."""
    return HttpResponse(200, (("content-type", "application/json"),), request.body, console="hi\n")


class ScriptExecution(FolderExecution):
    """Answers requests as *script* does, and remembers them."""

    def __init__(self, script: Callable[[HttpRequest], HttpResponse] = respond) -> None:
        super().__init__()
        self.script = script
        self.requests: list[HttpRequest] = []

    def _answer(self, key: ServiceKey, body: bytes) -> Answer:
        if key not in self.placed or self.failure is not None:
            return super()._answer(key, body)
        self.requests.append(HttpRequest.unpacked(body))
        return Answer(self.script(self.requests[-1]).packed(), None, 0.001, 0.002)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """Yield *data* as an upload comes."""
    yield data


def archive(files: Mapping[str, str]) -> bytes:
    """Return *files* as the archive of a source directory."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()


@dataclass
class Deck:
    """The use cases of one box, on a database, an authority and a clock of the test's own."""

    home: Path
    database: SqliteDatabase
    clock: TurnedClock
    plain_http: bool = True
    execution: ScriptExecution = field(default_factory=ScriptExecution)

    def __post_init__(self) -> None:
        home, clock = self.home, self.clock
        self.documents = Documents(self.database, Seal(b"k" * 32))
        self.artifacts = Artifacts(self.database, clock)
        self.bundles = BundleArchive(home / "bundles", home / "unpacked", clock=clock)
        work = home / "uploads"
        work.mkdir(exist_ok=True)
        self.uploads = Uploads(self.artifacts, self.bundles, work, most=1_000_000)
        self.models = Models(self.documents, self.uploads, clock)
        self.operations, self.journal = Operations(self.documents, clock), Journal(clock)
        keys = FileStore(home / "ca")
        self.authority = Authority.open(keys, Ledger(home / "ledger"), clock)
        self.issuer = Issuing(self.authority, keys, clock)
        self.by_name = ByName(clock=clock, role=Purpose.API)
        self.front_ends = FrontEnds(
            zone=ZONE,
            issuer=self.issuer,
            by_name=self.by_name,
            known=lambda: Known(self.authority.roots),
            clock=clock,
        )
        self.computes = Computes(
            documents=self.documents,
            operations=self.operations,
            front_ends=self.front_ends,
            clock=clock,
            plain_http=self.plain_http,
        )
        self.placing = Placing(
            bundles=self.bundles,
            execution=self.execution,
            journal=self.journal,
            key=signing_key().public_key(),
            clock=clock,
            agents=self.computes.agents,
        )
        self.deployments = Deployments(
            registry=Registry(self.documents, self.artifacts),
            operations=self.operations,
            front_ends=self.front_ends,
            assembly=Assembly(self.uploads, self.models, self.bundles, work),
            placing=self.placing,
            key=signing_key(),
            clock=clock,
        )
        self.deployments.sealed = self._is_sealed
        self.computes.users = self.deployments.on_compute

    def _is_sealed(self, one: Deployment) -> bool:
        state = self.computes.usable(one.compute).tls.state if one.compute else TlsState.DISABLED
        return is_sealed(one, state)

    async def start(self) -> None:
        await self.bundles.start()
        await self.operations.start()
        await self.computes.start()
        await self.deployments.start()

    async def restarted(self) -> "Deck":
        """Return the same after the process began anew."""
        again = Deck(self.home, self.database, self.clock, self.plain_http)
        await again.start()
        return again

    async def ended(self, begun: Operation) -> Operation:
        """Return *begun* once it has ended."""
        await until(lambda: not self.operations.is_busy(begun.resource))
        found = await self.operations.find(begun.id)
        assert found is not None
        return found

    async def done(self, begun: Operation) -> None:
        """Wait for the end of *begun*, which must be a good one."""
        found = await self.ended(begun)
        assert found.state is OperationState.SUCCEEDED, found.failure

    def compute(self, name: str = "cluster", **more: object) -> Compute:
        """Return a compute as somebody wishes for it."""
        wish = Compute(name, "", self.clock(), self.clock(), "local")
        return replace(wish, **more)  # type: ignore[arg-type]  # fields of it

    async def create(self, name: str = "cluster", label: str = "contoso") -> Compute:
        """Create a compute that is sealed by a label."""
        asked = Asked(TlsState.AUTO, label=label)
        await self.done(await self.computes.create(ANNA, self.compute(name), asked))
        return self.computes.find(name)

    def deployment(self, name: str = "wine", **more: object) -> Deployment:
        """Return a deployment as somebody wishes for it; on the compute *compute* if one is told."""
        kind = DeploymentKind.AKS if more.get("compute") else DeploymentKind.ACI
        own = "" if more.get("compute") else f"{name}.local.hermetic.internal"
        wish = Deployment(name, kind, "", self.clock(), self.clock(), host=own)
        return replace(wish, **more)  # type: ignore[arg-type]  # fields of it

    async def sources(self, text: str = "def run(data): return data\n") -> Sources:
        """Upload a script, and return what is made of it."""
        await self.uploads.put(SCRIPT, pieces(text.encode()))
        return Sources((Source(SCRIPT),), (), {"AZUREML_ENTRY_SCRIPT": "score.py"})

    async def deploy(self, name: str = "wine", **more: object) -> Deployment:
        """Deploy a script under *name*."""
        wish = Wish(self.deployment(name, **more), await self.sources(), Asked(TlsState.DISABLED))
        await self.done(await self.deployments.create(ANNA, wish))
        return self.deployments.find(name)

    async def model(self, name: str = "wine", content: bytes = b"a model") -> Model:
        """Register a model of one file."""
        upload = f"LocalUpload/{name}-{len(await self.models.all())}/model.bin"
        await self.uploads.put(upload, pieces(content))
        asset = await self.models.add_asset(ANNA, name, [upload])
        return await self.models.register(ANNA, Model(name, 0, "", NOW, asset.id))

    def presented(self, name: str) -> Credential | None:
        return self.front_ends.credential(name)


@asynccontextmanager
async def deck_in(home: Path, *, plain_http: bool = True) -> AsyncIterator[Deck]:
    """Yield the use cases in *home*, started."""
    database = SqliteDatabase(home / "hermetic.sqlite3")
    await database.open()
    try:
        deck = Deck(home, database, TurnedClock(NOW), plain_http)
        await deck.start()
        yield deck
        await deck.operations.stop()
    finally:
        await database.close()
