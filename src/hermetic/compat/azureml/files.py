"""Uploaded files: where a client may send them, and the storage that takes them."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.policy import may_publish
from hermetic.clock import Clock
from hermetic.compat.azureml.cloud import base_of
from hermetic.compat.azureml.messages import PathsRequest
from hermetic.compat.azureml.sas import READ, WRITE, Signing
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import BadInput, NotPermitted
from hermetic.gateway.uploads import Uploads
from hermetic.http.endpoint import Streamed, json, pieces, principal_of, read
from hermetic.http.limits import WireLimits

_BLOCK = "BlockBlob"
_AT_ONCE = 500  # paths; the client sends fifty


@dataclass(frozen=True)
class FilesApi:
    """Tells where files may be sent to and fetched from."""

    workspace: Workspace
    uploads: Uploads
    signing: Signing
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        one = "/art/artifacts/batch/metadata/{origin}/{container}"
        content = "/art/artifacts/prefix/contentinfo/{name:path}"
        return [
            Address("POST", one, self._announce),
            Address("GET", content, self._content),
        ]

    async def _announce(self, request: Request) -> Response:
        """Answer where the files of a list may be sent to; nothing is kept before they come."""
        _refuse_reader(request)
        origin, container = request.path_params["origin"], request.path_params["container"]
        asked = await read(request, PathsRequest, most=self.limits.json_bytes)
        if len(asked.paths) > _AT_ONCE:
            raise BadInput(f"Announce at most {_AT_ONCE} files at once.")
        now = self.clock()
        storage = base_of(request).storage(self.workspace)
        artifacts, contents = {}, {}
        for path in (one.path for one in asked.paths):
            name = f"{origin}/{container}/{path}"
            place = {"origin": origin, "container": container, "path": path}
            artifacts[path] = {"artifactId": name, "createdTime": now.isoformat(), **place}
            url = self.signing.url(storage, name, WRITE, at=now)
            contents[path] = {"contentUri": url, **place}
        return json({"artifacts": artifacts, "artifactContentInformation": contents, "errors": {}})

    async def _content(self, request: Request) -> Response:
        """Answer where the files below a name may be fetched from."""
        _refuse_reader(request)
        now, storage = self.clock(), base_of(request).storage(self.workspace)
        found = []
        for artifact in await self.uploads.below(request.path_params["name"]):
            origin, container, path = artifact.name.split("/", 2)
            url = self.signing.url(storage, artifact.name, READ, at=now)
            found.append(
                {"contentUri": url, "origin": origin, "container": container, "path": path}
            )
        return json({"value": found, "continuationToken": None})


@dataclass(frozen=True)
class StorageApi:
    """The storage: takes and gives files for whoever has a signed address."""

    uploads: Uploads
    signing: Signing
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked; all of it at a host name of its own."""
        path = "/{name:path}"
        return [
            Address("PUT", path, self._put),
            Address("HEAD", path, self._head),
            Address("GET", path, self._get),
        ]

    async def _put(self, request: Request) -> Response:
        name = self._allowed(request, "w")
        if (
            request.headers.get("x-ms-blob-type", _BLOCK) != _BLOCK
            or "comp" in request.query_params
        ):
            raise BadInput("Send a file whole, as one block blob.")
        kept = await self.uploads.put(name, pieces(request, most=self.limits.upload_bytes))
        return Response(status_code=201, headers=self._told(kept.bundle))

    async def _head(self, request: Request) -> Response:
        # A client looks at what it has sent, with the address it was given for sending.
        found = await self.uploads.find(self._allowed(request, "r"))
        told = {**self._told(found.bundle), "content-length": str(found.size)}
        return Response(headers={**told, "x-ms-blob-type": _BLOCK})

    async def _get(self, request: Request) -> Response:
        found = await self.uploads.find(self._allowed(request, "r"))
        content = await self.uploads.content(found)
        name = found.name.rpartition("/")[2]
        response = Streamed(request, content, "application/octet-stream", name)
        response.headers.update({**self._told(found.bundle), "x-ms-blob-type": _BLOCK})
        return response

    def _allowed(self, request: Request, permission: str) -> str:
        name: str = request.path_params["name"]
        if not self.signing.allows(name, request.query_params, permission, at=self.clock()):
            raise NotPermitted(
                "The signature of this address is wrong, for something else, or has expired: ask"
                " for a new one."
            )
        return name

    def _told(self, digest: str) -> dict[str, str]:
        return {
            "etag": f'"{digest}"',
            "last-modified": f"{self.clock():%a, %d %b %Y %H:%M:%S} GMT",
        }


def _refuse_reader(request: Request) -> None:
    principal = principal_of(request)
    if not may_publish(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not exchange files.")
