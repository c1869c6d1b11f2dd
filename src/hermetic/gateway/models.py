"""Registered models: a name, versions from 1 on, and the files of each."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hermetic.access.policy import may_change, may_publish
from hermetic.access.principals import Principal
from hermetic.clock import Clock
from hermetic.errors import BadInput, Conflict, NotFound, NotPermitted
from hermetic.gateway.uploads import Uploads
from hermetic.log import logger
from hermetic.registry.artifacts import Artifact
from hermetic.registry.documents import Document, Documents
from hermetic.registry.moments import from_text, to_text

_ASSET, _MODEL, _COUNT = "asset", "model", "model-versions"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}\Z")
_TRIES = 20
"""Who registers a version at the same time as so many others may try again."""

log = logger(__name__)


@dataclass(frozen=True)
class Asset:
    """What was uploaded for one model: files, or folders of them, by the beginning of their names."""

    id: str
    name: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """One version of a registered model.

    Args:
        asset: The id of the asset its files belong to.
        told: What its owner said of it beside, as it came.
    """

    name: str
    version: int
    owner: str
    created_at: datetime
    asset: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its name and version, as deployments refer to it."""
        return f"{self.name}:{self.version}"


class Models:
    """The registered models of this installation."""

    def __init__(self, documents: Documents, uploads: Uploads, clock: Clock) -> None:
        self._documents, self._uploads, self._clock = documents, uploads, clock

    async def add_asset(self, principal: Principal, name: str, prefixes: Sequence[str]) -> Asset:
        """Keep what was uploaded under *prefixes* together.

        Raises:
            NotFound: Nothing was uploaded under one of them.
            NotPermitted: The principal may only read.
        """
        _refuse_reader(principal)
        if not prefixes:
            raise BadInput("An asset consists of at least one uploaded file: name it.")
        for prefix in prefixes:
            await self._uploads.want(prefix)
        asset = Asset(uuid.uuid4().hex, name, tuple(prefixes))
        body = {"name": name, "prefixes": list(prefixes)}
        await self._documents.add(Document(_ASSET, asset.id, body))
        return asset

    async def asset(self, id_: str) -> Asset:
        """Return an asset, or raise `NotFound`."""
        document = await self._documents.find(_ASSET, id_)
        if document is None:
            raise NotFound(f"There is no asset {id_[:100]!r}.")
        return Asset(id_, document.body["name"], tuple(document.body["prefixes"]))

    async def register(self, principal: Principal, model: Model) -> Model:
        """Keep *model* as the next version of its name, and return that.

        Raises:
            BadInput: The name cannot be one.
            NotFound: There is no such asset, or its files were swept since.
            NotPermitted: The principal may only read.
        """
        _refuse_reader(principal)
        if not _NAME.match(model.name):
            raise BadInput(
                f"{model.name[:100]!r} cannot be a model's name: use 1 to 255 letters, digits or any"
                " of . _ -, beginning with a letter or a digit."
            )
        for prefix in (await self.asset(model.asset)).prefixes:
            await self._uploads.want(prefix)
        version = await self._next(model.name)
        made = replace(model, version=version, created_at=self._clock(), owner=principal.name)
        await self._documents.add(_document(made, 0))
        log.info("model.registered", model=made.id, account=principal.name)
        return made

    async def all(self, name: str | None = None, *, latest: bool = False) -> list[Model]:
        """Return the models, or the versions of *name*, the newest first; of each the *latest*."""
        found = [_model(one) for one in await self._documents.all(_MODEL)]
        if name is not None:
            found = [one for one in found if one.name == name]
        found.sort(key=lambda one: (one.name, -one.version))
        if latest:
            newest: dict[str, Model] = {}
            for one in found:
                newest.setdefault(one.name, one)
            found = list(newest.values())
        return found

    async def find(self, id_: str) -> Model:
        """Return the model `name:version`, or raise `NotFound`."""
        document = await self._documents.find(_MODEL, id_)
        if document is None:
            raise NotFound(f"There is no model {id_[:200]!r}: register it first.")
        return _model(document)

    async def change(
        self, principal: Principal, id_: str, changing: Callable[[Model], Model]
    ) -> Model:
        """Make of a model what *changing* makes of it; raises as `find`, and `NotPermitted`."""
        document = await self._documents.find(_MODEL, id_)
        if document is None:
            raise NotFound(f"There is no model {id_[:200]!r}: register it first.")
        now = _model(document)
        _refuse_stranger(principal, now)
        changed = changing(now)
        await self._documents.replace(_document(changed, document.revision))
        return changed

    async def remove(self, principal: Principal, id_: str) -> None:
        """Forget a model; what is deployed from it stays.  Raises as `change`."""
        _refuse_stranger(principal, await self.find(id_))
        await self._documents.remove(_MODEL, id_)

    async def files(self, id_: str) -> dict[str, Artifact]:
        """Return the files of a model by where they lie in its folder; raises `NotFound`.

        They stay for a while, even if somebody removes the model meanwhile.
        """
        asset = await self.asset((await self.find(id_)).asset)
        found: dict[str, Artifact] = {}
        for prefix in asset.prefixes:
            parent, _, _ = prefix.rpartition("/")
            for artifact in await self._uploads.want(prefix):
                found[artifact.name[len(parent) + 1 :]] = artifact
        return found

    async def uploads(self) -> set[str]:
        """Return the uploaded files, and folders of them, that models refer to."""
        used = {one.asset for one in await self.all()}
        assets = await self._documents.all(_ASSET)
        return {each for one in assets if one.name in used for each in one.body["prefixes"]}

    async def _next(self, name: str) -> int:
        """Return the next version of *name*, which nobody else gets."""
        for _ in range(_TRIES):
            document = await self._documents.find(_COUNT, name)
            try:
                if document is None:
                    await self._documents.add(Document(_COUNT, name, {"last": 1}))
                    return 1
                last = int(document.body["last"]) + 1
                await self._documents.replace(replace(document, body={"last": last}))
            except Conflict:
                continue
            return last
        raise Conflict(f"Too many versions of {name!r} are being registered at once: try again.")


def _refuse_reader(principal: Principal) -> None:
    if not may_publish(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not register models.")


def _refuse_stranger(principal: Principal, model: Model) -> None:
    if not may_change(principal, model.owner):
        raise NotPermitted(
            f"The model {model.id!r} was registered by {model.owner!r}: only they or an Owner"
            " change it."
        )


def _document(model: Model, revision: int) -> Document:
    body = {
        "name": model.name,
        "version": model.version,
        "owner": model.owner,
        "created_at": to_text(model.created_at),
        "asset": model.asset,
        "description": model.description,
        "tags": dict(model.tags),
        "properties": dict(model.properties),
        "told": dict(model.told),
    }
    return Document(_MODEL, model.id, body, revision=revision)


def _model(document: Document) -> Model:
    body = dict(document.body)
    body["created_at"] = from_text(body["created_at"])
    return Model(**body)
