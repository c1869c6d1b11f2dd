"""A process that writes to a database for ever, telling each number once it is acknowledged."""

import asyncio
import sys
from pathlib import Path

from hermetic.database.database import Transaction
from hermetic.database.schema import Migration
from hermetic.database.sqlite import SqliteDatabase
from hermetic.log import configure

NUMBERS = Migration(1, "numbers", "CREATE TABLE numbers (id INTEGER NOT NULL PRIMARY KEY);\n")


async def write_for_ever(path: Path) -> None:
    """Write 1, 2, 3 … and say each on standard output."""
    database = SqliteDatabase(path, migrations=[NUMBERS])
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
    asyncio.run(write_for_ever(Path(sys.argv[1])))
