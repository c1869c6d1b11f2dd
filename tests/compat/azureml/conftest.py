"""The face of Azure ML on real use cases; workers alone are played."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from hermetic.access.principals import ADMINISTRATOR
from hermetic.clock import TurnedClock
from hermetic.compat.azureml.app import AzureMl, Doors, Scoring
from hermetic.compat.azureml.face import Face
from hermetic.compat.azureml.use_cases import UseCases
from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.fronts.proxies import Proxies
from hermetic.gateway.access import Access
from hermetic.http.limits import WireLimits
from hermetic.identity.local import LocalAccounts
from hermetic.registry.logins import Logins
from hermetic.registry.principals import Principals
from tests.support.accounts import PASSWORD, fast_passwords
from tests.support.asking import Reply, ask
from tests.support.deploying import SCRIPT, Deck, deck_in
from tests.support.tokens import signing_key
from tests.support.waiting import until
from tests.support.wire import echo

NAMES = ("cluster", "wine", "beer")
MMS = "/modelmanagement/v1.0{W}"
SERVICE: dict[str, object] = {
    "name": "wine",
    "computeType": "AKS",
    "computeName": "cluster",
    "kvTags": {"a": "b"},
    "numReplicas": 1,
    "keys": {"primaryKey": None, "secondaryKey": None},
    "environmentImageRequest": {
        "driverProgram": "driver",
        "assets": [
            {"id": "driver", "url": "aml://artifact/LocalUpload/x/tmp.py", "mimeType": "x"},
            {"id": "score.py", "url": f"aml://artifact/{SCRIPT}", "mimeType": "x"},
        ],
        "modelIds": [],
        "environment": {"environmentVariables": {"AZUREML_ENTRY_SCRIPT": "score.py"}},
    },
}
WORKSPACE = Workspace("sub-1", "group", "space", "local", "hermetic.internal", "tenant", "hermetic")


@dataclass
class Desk:
    """Somebody at the face: logged in, and asking."""

    deck: Deck
    face: Face
    access: Access
    sealed: ASGIApp
    plain: ASGIApp
    token: str

    async def ask(self, method: str, url: str, body: object = b"", **more: str) -> Reply:
        """Ask the control plane of the workspace; `{W}` stands for its resource id."""
        more = {"token": self.token, **more}
        return await ask(self.sealed, method, url.replace("{W}", WORKSPACE.id), body, **more)

    async def ended(self, answer: Reply) -> Reply:
        """Return what became of the operation that *answer* speaks of, once it has ended."""
        assert answer.status < 300, answer.body
        url = answer.fields.get("azure-asyncoperation") or answer.fields["operation-location"]
        path = url.removeprefix("https://localhost:12800")
        resources = [f"{kind}/{name}" for kind in ("compute", "service") for name in NAMES]
        await until(lambda: not any(map(self.deck.operations.is_busy, resources)))
        return await self.ask("GET", path)

    async def create(self, name: str = "cluster", label: str = "contoso") -> None:
        """Create a compute that is sealed by a label."""
        ssl = {"status": "Auto", "leafDomainLabel": label, "overwriteExistingDomain": False}
        body = {
            "location": "local",
            "properties": {"computeType": "AKS", "properties": {"sslConfiguration": ssl}},
        }
        made = await self.ended(await self.ask("PUT", f"{{W}}/computes/{name}", body))
        assert made.json["status"] == "Succeeded"

    async def deploy(self, name: str = "wine", **more: object) -> Reply:
        """Deploy a script on the compute `cluster`; return what became of it."""
        await self.deck.sources()
        body = {**SERVICE, "name": name, **more}
        return await self.ended(await self.ask("POST", f"{MMS}/services", body))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with deck_in(tmp_path) as deck:
        passwords = fast_passwords()
        accounts = LocalAccounts(Principals(deck.database, deck.clock), passwords)
        await accounts.start(PASSWORD)
        access = _access(deck, accounts, deck.clock)
        await access.start()
        face = _face(deck, access)
        pair = await access.login(ADMINISTRATOR, PASSWORD, "127.0.0.1")
        yield Desk(deck, face, access, _sealed(face), _plain(face), pair.access_token)
        await passwords.close()


def _access(deck: Deck, accounts: LocalAccounts, clock: TurnedClock) -> Access:
    return Access(
        provider=accounts,
        logins=Logins(deck.database, clock),
        key=signing_key(),
        issuer="hermetic",
        clock=clock,
    )


def _face(deck: Deck, access: Access) -> Face:
    cases = UseCases(
        access,
        lambda: deck.authority.root_pem,
        deck.uploads,
        deck.models,
        deck.operations,
        deck.computes,
        deck.deployments,
        deck.placing,
        deck.journal,
    )
    reached = Reached("10.0.0.7", 12800, 8080)
    return Face(WORKSPACE, reached, cases, b"s" * 32, deck.clock, WireLimits())


def _sealed(face: Face) -> ASGIApp:
    access = face.cases.access
    return AzureMl(
        echo,
        workspace=WORKSPACE,
        placing=face.cases.placing,
        control=face.control(),
        storage=face.storage(),
        scoring=face.scoring(sealed=True),
        doors=Doors(access.authenticate, access.settle, Proxies(), b"max-age=1"),
    )


def _plain(face: Face) -> ASGIApp:
    return Scoring(face.scoring(sealed=False), Proxies())
