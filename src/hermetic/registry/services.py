"""Published services, in the database."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from hermetic.database.database import Database, Row, Transaction, Value
from hermetic.errors import Conflict, ServiceExists, ServiceNotFound
from hermetic.registry.moments import from_text, to_text
from hermetic.registry.revisions import Kind, bump
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service, ServiceKey

_CHANGEABLE = (
    "runtime",
    "entry_kind",
    "code",
    "init_code",
    "target",
    "inputs",
    "outputs",
    "files",
    "description",
    "operation_id",
    "snapshot_id",
    "bundle",
    "idempotent",
)


@dataclass(frozen=True)
class Publisher:
    """Who published which version of a name."""

    version: str
    owner: str


class Services:
    """The services of this installation, in order of publication."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, name: str | None = None) -> list[Service]:
        """Return every service, or every version of *name*, oldest first."""
        if name is None:
            rows = await self._database.read("SELECT * FROM services ORDER BY position")
        else:
            rows = await self._database.read(
                "SELECT * FROM services WHERE name = ? ORDER BY position", (name,)
            )
        return [_service(row) for row in rows]

    async def find(self, key: ServiceKey) -> Service:
        """Return one service, or raise `ServiceNotFound`."""
        rows = await self._database.read(
            "SELECT * FROM services WHERE name = ? AND version = ?", (key.name, key.version)
        )
        if not rows:
            raise ServiceNotFound(key.name, key.version)
        return _service(rows[0])

    async def publishers(self, name: str) -> list[Publisher]:
        """Return who published versions of *name*, oldest first."""
        return _publishers(
            await self._database.read(
                "SELECT version, owner FROM services WHERE name = ? ORDER BY position", (name,)
            )
        )

    async def add(self, service: Service, allow: Callable[[list[Publisher]], None]) -> None:
        """Keep a new service.

        *allow* is asked within the transaction, with the publishers of the name, and raises
        what keeps the service from being added.

        Raises:
            ServiceExists: There is one of that name and version.
        """
        key = service.key
        columns = {
            "name": key.name,
            "version": key.version,
            "owner": service.owner,
            "created_at": to_text(service.created_at),
            **_columns(service),
        }

        def change(transaction: Transaction) -> None:
            known = transaction.rows(
                "SELECT version, owner FROM services WHERE name = ? ORDER BY position", (key.name,)
            )
            allow(_publishers(known))
            last = transaction.rows("SELECT COALESCE(MAX(position), 0) AS position FROM services")
            values = {**columns, "position": last[0]["position"] + 1}
            marks = ", ".join("?" * len(values))
            try:
                transaction.change(
                    f"INSERT INTO services ({', '.join(values)}) VALUES ({marks})",  # noqa: S608 - names of columns of ours
                    tuple(values.values()),
                )
            except Conflict:
                raise ServiceExists(key.name, key.version) from None
            bump(transaction, Kind.SERVICES)

        await self._database.write(change)

    async def replace(self, service: Service) -> None:
        """Keep what is changeable of *service*, or raise `ServiceNotFound`."""
        key, columns = service.key, _columns(service)
        assignments = ", ".join(f"{column} = ?" for column in columns)
        sql = f"UPDATE services SET {assignments} WHERE name = ? AND version = ?"  # noqa: S608 - names of columns of ours
        await self._change_one(key, sql, (*columns.values(), key.name, key.version))

    async def remove(self, key: ServiceKey) -> None:
        """Forget a service, or raise `ServiceNotFound`."""
        sql = "DELETE FROM services WHERE name = ? AND version = ?"
        await self._change_one(key, sql, (key.name, key.version))

    async def bundles(self) -> set[str]:
        """Return the digest of every bundle a service refers to."""
        rows = await self._database.read(
            "SELECT DISTINCT bundle FROM services WHERE bundle IS NOT NULL"
        )
        return {row["bundle"] for row in rows}

    async def _change_one(self, key: ServiceKey, sql: str, values: tuple[Value, ...]) -> None:
        def change(transaction: Transaction) -> None:
            if not transaction.change(sql, values):
                raise ServiceNotFound(key.name, key.version)
            bump(transaction, Kind.SERVICES)

        await self._database.write(change)


def _publishers(rows: list[Row]) -> list[Publisher]:
    return [Publisher(row["version"], row["owner"]) for row in rows]


def _columns(service: Service) -> dict[str, Value]:
    values: tuple[Value, ...] = (
        service.runtime,
        service.entry.kind,
        service.entry.code,
        service.entry.init_code,
        service.entry.target,
        _parameters_text(service.schema.inputs),
        _parameters_text(service.schema.outputs),
        json.dumps(service.schema.files),
        service.description,
        service.operation_id,
        service.snapshot_id,
        service.bundle,
        int(service.idempotent),
    )
    return dict(zip(_CHANGEABLE, values, strict=True))


def _parameters_text(parameters: tuple[Parameter, ...]) -> str:
    return json.dumps([[one.name, one.type] for one in parameters])


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(Parameter.parse(name, type_name) for name, type_name in json.loads(text))


def _service(row: Row) -> Service:
    return Service(
        ServiceKey(row["name"], row["version"]),
        row["owner"],
        from_text(row["created_at"]),
        RuntimeKind(row["runtime"]),
        Entry(EntryKind(row["entry_kind"]), row["code"], row["init_code"], row["target"]),
        Schema(
            _parameters(row["inputs"]), _parameters(row["outputs"]), tuple(json.loads(row["files"]))
        ),
        row["description"],
        row["operation_id"],
        row["snapshot_id"],
        row["bundle"],
        bool(row["idempotent"]),
    )
