"""Documents that web nodes have together, sealed: keys of certificates, of accounts.

Whoever reads the database, or a copy of it, has nothing of them: the key they are sealed with
(AES-256-GCM) comes from what all web nodes have and the database has not.  A name is sealed with
its document, so that none takes the place of another.
"""

import json
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hermetic.database.database import Database, Transaction
from hermetic.errors import BadConfiguration
from hermetic.registry.leases import Lease, refuse_without

Documents = Mapping[str, bytes]
_NONCE = 12


class Seal:
    """Seals documents with *key*, of 32 bytes, and opens them."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def closed(self, name: str, documents: Documents) -> bytes:
        """Return *documents* as they may lie in a database, under *name* and no other."""
        text = json.dumps({file: data.decode("latin-1") for file, data in documents.items()})
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), name.encode())

    def opened(self, name: str, data: bytes) -> Documents:
        """Return what was sealed under *name*.

        Raises:
            BadConfiguration: It was sealed with another key.
        """
        try:
            text = self._cipher.decrypt(data[:_NONCE], data[_NONCE:], name.encode())
        except InvalidTag as error:
            raise BadConfiguration(
                f"What web nodes share as {name!r} was sealed by one that signs tokens with another"
                " key: set Authentication.JWTSigningCertificate to the same certificate everywhere."
            ) from error
        return {file: value.encode("latin-1") for file, value in json.loads(text).items()}


class SealedDocuments:
    """The documents in *database*, sealed with *key*, of 32 bytes."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database, self._seal = database, Seal(key)

    async def read(self, name: str) -> tuple[int, Documents]:
        """Return the version of *name*, from 1 on, and what it holds; 0 and nothing if it is not there.

        Raises:
            BadConfiguration: It was sealed with another key.
        """
        rows = await self._database.read(
            "SELECT version, data FROM sealed_documents WHERE name = ?", (name,)
        )
        if not rows:
            return 0, {}
        return int(rows[0]["version"]), self._seal.opened(name, bytes(rows[0]["data"]))

    async def version(self, name: str) -> int:
        """Return the version of *name*; 0 if it is not there."""
        rows = await self._database.read(
            "SELECT version FROM sealed_documents WHERE name = ?", (name,)
        )
        return int(rows[0]["version"]) if rows else 0

    async def write(self, name: str, documents: Documents, lease: Lease) -> int:
        """Keep *documents* under *name* for whoever holds *lease*; return the version.

        An empty one says that there is nothing.

        Raises:
            Conflict: Another node has taken over the lease.
        """
        data = self._seal.closed(name, documents)

        def change(transaction: Transaction) -> int:
            refuse_without(transaction, lease)
            (row,) = transaction.rows(
                "INSERT INTO sealed_documents (name, version, data) VALUES (?, 1, ?)"
                " ON CONFLICT (name) DO UPDATE SET version = sealed_documents.version + 1,"
                " data = excluded.data RETURNING version",
                (name, data),
            )
            return int(row["version"])

        return await self._database.write(change)
