"""`--query`: what of a result is printed, in JMESPath, as `az` has it."""

import importlib
from collections.abc import Callable

import click

Query = Callable[[object], object]
"""Returns what is asked for of a result; raises `click.UsageError` if it does not fit."""


def query_of(expression: str) -> Query:
    """Return what asks for *expression*; to be had before anything is done.

    Raises:
        click.UsageError: It is no JMESPath.
    """
    # It takes as long to load as a short command takes, and most ask for nothing.
    jmespath = importlib.import_module("jmespath")
    failed = jmespath.exceptions.JMESPathError
    try:
        compiled = jmespath.compile(expression)
    except failed as error:
        raise click.UsageError(f"--query {expression!r} is no JMESPath: {error}") from error

    def queried(result: object) -> object:
        try:
            return compiled.search(result)
        except failed as error:
            raise click.UsageError(f"--query {expression!r} does not fit: {error}") from error

    return queried
