"""A process that writes to a database for ever, telling each number once it is acknowledged.

The database is told on standard input: a connection string, or the path of a file.
"""

import asyncio
import sys
from pathlib import Path

from hermetic.database.connection_string import parse
from hermetic.database.database import Database, Transaction
from hermetic.database.postgresql import PostgresDatabase
from hermetic.database.schema import Migration
from hermetic.database.sqlite import SqliteDatabase
from hermetic.log import configure

NUMBERS = Migration(1, "numbers", "CREATE TABLE numbers (id INTEGER NOT NULL PRIMARY KEY);\n")


def told(where: str) -> Database:
    """Return the database that is meant by *where*."""
    if "://" in where:
        return PostgresDatabase(parse(where), migrations=[NUMBERS])
    return SqliteDatabase(Path(where), migrations=[NUMBERS])


async def write_for_ever(database: Database) -> None:
    """Write 1, 2, 3 … and say each on standard output."""
    await database.open()
    number = 0
    while True:
        number += 1

        def change(transaction: Transaction, value: int = number) -> None:
            transaction.change("INSERT INTO numbers (id) VALUES (?)", (value,))

        await database.write(change)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    configure(node="writer")  # to standard error, so that the numbers stand alone
    asyncio.run(write_for_ever(told(sys.stdin.readline().rstrip("\n"))))
