"""What the command prints; nothing else in the product does.

What was asked for goes to standard output, everything else to standard error, so that a pipe
gets the one and a person sees both.  Text from the other side is printed without its control
characters: a service's description must not drive somebody's terminal.
"""

import json
import os
import traceback
from collections.abc import Iterable, Sequence

import click

from hermetic.errors import HermeticError, InputMismatch, ServiceUnloadable, WorkerDied


def show(text: str) -> None:
    """Print *text* as what was asked for."""
    click.echo(_plain(text))


def note(text: str) -> None:
    """Print *text* beside what was asked for, on standard error."""
    click.echo(_plain(text), err=True)


def show_bytes(data: bytes) -> None:
    """Print *data* as it is, for a pipe."""
    click.echo(data, nl=False)


def warn(text: str) -> None:
    """Print on standard error what a person should look into, though it was done."""
    note(f"Warning: {text}")


def show_json(value: object) -> None:
    """Print *value* as one line of JSON, at once, also into a pipe."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    # JSON escapes fewer of the characters that drive a terminal than there are.
    click.echo("".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text))


def show_document(value: object) -> None:
    """Print *value* as JSON on several lines, to be copied into a file."""
    click.echo(_plain(json.dumps(value, ensure_ascii=False, indent=2)))


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Print *rows* below their *titles* in columns, or the sentence *empty*."""
    cells = [[_plain(cell).replace("\n", " ") for cell in row] for row in rows]
    if not cells:
        note(empty)
        return
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    for line in ([title.upper() for title in titles], *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values below each other, the values aligned."""
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        click.echo(f"{name.ljust(width)}  {_plain(value)}".rstrip())


def show_finding(level: str, colour: str, code: str, where: str) -> None:
    """Print the first line of a finding, its level in *colour* where that can be seen."""
    click.echo(f"{click.style(level, fg=colour, bold=True)}  {_plain(code)}  {_plain(where)}")


def fail(error: HermeticError) -> None:
    """Print the sentence of *error*, and below it what its class carries for a person."""
    click.echo(f"hermetic: {_plain(error.text)}", err=True)
    if isinstance(error, InputMismatch):
        for one in error.mismatches:
            note(f"  {one.pointer or '(the whole body)'}: {one.message}")
    elif isinstance(error, ServiceUnloadable) and error.traceback:
        note(_indented(error.traceback))
    elif isinstance(error, WorkerDied) and error.stderr:
        note(_indented(error.stderr))


def fail_unexpectedly(error: Exception) -> None:
    """Print that a bug was met, and how to see where; values may be secret, so not by itself."""
    if os.environ.get("HERMETIC_DEBUG"):
        note("".join(traceback.format_exception(error)))
    click.echo(
        f"hermetic: Something went wrong inside the command ({type(error).__name__}):"
        " HERMETIC_DEBUG=1 shows where; please report it.",
        err=True,
    )


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.rstrip().splitlines())


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)
