"""Documents by kind and name, in the database: what is deployed, and where.

A document is JSON that its owner knows the form of, and secrets that are sealed beside it.  It is
changed by who read it last: each has a revision, which a change must name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Conflict, NotFound
from hermetic.registry.sealed import Documents as Secrets
from hermetic.registry.sealed import Seal

NOTHING: Secrets = {}


@dataclass(frozen=True)
class Document:
    """One document; `revision` counts its changes, from 1 on."""

    kind: str
    name: str
    body: Mapping[str, Any]
    secrets: Secrets = field(default_factory=dict, repr=False)
    revision: int = 0


class Documents:
    """The documents of this installation; secrets are closed with *seal*."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database, self._seal = database, seal

    async def all(self, kind: str) -> list[Document]:
        """Return all documents of *kind*, by name."""
        rows = await self._database.read(
            "SELECT * FROM documents WHERE kind = ? ORDER BY name", (kind,)
        )
        return [self._document(row) for row in rows]

    async def find(self, kind: str, name: str) -> Document | None:
        """Return one document; `None` if there is none."""
        rows = await self._database.read(
            "SELECT * FROM documents WHERE kind = ? AND name = ?", (kind, name)
        )
        return self._document(rows[0]) if rows else None

    async def add(self, document: Document) -> Document:
        """Keep a new document, and return it with its revision.

        Raises:
            Conflict: There is one of that kind and name.
        """
        body, secrets = self._columns(document)

        def change(transaction: Transaction) -> None:
            try:
                transaction.change(
                    "INSERT INTO documents (kind, name, revision, body, secrets)"
                    " VALUES (?, ?, 1, ?, ?)",
                    (document.kind, document.name, body, secrets),
                )
            except Conflict:
                raise Conflict(
                    f"There is a {document.kind} {document.name!r} already: choose another name,"
                    " or change that one."
                ) from None

        await self._database.write(change)
        return _of_revision(document, 1)

    async def replace(self, document: Document) -> Document:
        """Keep *document* in place of the one whose revision it names, and return it.

        Raises:
            Conflict: Somebody changed or removed that meanwhile.
        """
        body, secrets = self._columns(document)

        def change(transaction: Transaction) -> None:
            if not transaction.change(
                "UPDATE documents SET revision = revision + 1, body = ?, secrets = ?"
                " WHERE kind = ? AND name = ? AND revision = ?",
                (body, secrets, document.kind, document.name, document.revision),
            ):
                raise Conflict(
                    f"Somebody else changed the {document.kind} {document.name!r} meanwhile: look"
                    " at it again, then try again."
                )

        await self._database.write(change)
        return _of_revision(document, document.revision + 1)

    async def remove(self, kind: str, name: str) -> None:
        """Forget a document, or raise `NotFound`."""

        def change(transaction: Transaction) -> None:
            if not transaction.change(
                "DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name)
            ):
                raise NotFound(f"There is no {kind} {name!r}.")

        await self._database.write(change)

    def _columns(self, document: Document) -> tuple[str, bytes | None]:
        name = f"{document.kind}/{document.name}"
        sealed = self._seal.closed(name, document.secrets) if document.secrets else None
        return json.dumps(document.body, separators=(",", ":")), sealed

    def _document(self, row: Row) -> Document:
        kind, name, sealed = row["kind"], row["name"], row["secrets"]
        secrets = NOTHING if sealed is None else self._seal.opened(f"{kind}/{name}", bytes(sealed))
        return Document(kind, name, json.loads(row["body"]), secrets, row["revision"])


def _of_revision(document: Document, revision: int) -> Document:
    return Document(document.kind, document.name, document.body, document.secrets, revision)
