"""`--query`: what of a result is printed, in JMESPath, as `az` has it."""

import importlib

import click


def queried(result: object, expression: str) -> object:
    """Return what *expression* means in *result*.

    Raises:
        click.UsageError: It is no JMESPath, or does not fit the result.
    """
    # It takes as long to load as a short command takes, and most ask for nothing.
    jmespath = importlib.import_module("jmespath")
    try:
        found: object = jmespath.search(expression, result)
    except jmespath.exceptions.JMESPathError as error:
        raise click.UsageError(
            f"--query {expression!r} is no JMESPath for this: {error}"
        ) from error
    return found
