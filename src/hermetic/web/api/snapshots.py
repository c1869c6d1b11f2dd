"""Snapshots: what was kept of sessions."""

from starlette.requests import Request
from starlette.responses import Response

from hermetic.gateway.snapshots import Snapshots
from hermetic.http.endpoint import Endpoint, Streamed, json, principal_of
from hermetic.wire.messages import SnapshotListing, creation_time
from hermetic.wire.openapi import Operation

_TAG = "Snapshots"
_ZIP = "application/zip"


class SnapshotsApi:
    """Answers what is asked about a caller's own snapshots."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        one = "/snapshots/{id}"
        listing = Operation(
            "GET",
            "/snapshots",
            "listSnapshots",
            "Lists the caller's snapshots.",
            _TAG,
            gives=list[SnapshotListing],
        )
        getting = Operation("GET", one, "getSnapshot", "Gives the archive.", _TAG, gives=_ZIP)
        deleting = Operation(
            "DELETE", one, "deleteSnapshot", "Deletes a snapshot.", _TAG, gives=dict
        )
        return [
            Endpoint(listing, self._list),
            Endpoint(getting, self._content),
            Endpoint(deleting, self._delete),
        ]

    async def _list(self, request: Request) -> Response:
        return json(
            [
                SnapshotListing(
                    id=one.id,
                    name=one.name,
                    owner=one.owner,
                    creation_time=creation_time(one.created_at),
                    content_size=one.size,
                )
                for one in await self._snapshots.own(principal_of(request))
            ]
        )

    async def _content(self, request: Request) -> Response:
        name = request.path_params["id"]
        content = await self._snapshots.content(principal_of(request), name)
        return Streamed(request, content, _ZIP, f"{name}.zip")

    async def _delete(self, request: Request) -> Response:
        await self._snapshots.delete(principal_of(request), request.path_params["id"])
        return json({})
