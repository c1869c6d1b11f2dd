"""Takes a password off the process list.

What stands on a command line or in a variable can be read in `/proc` for as long as the process
lives.  So a process that was given a password that way starts itself again, once, with the
password in a pipe.  Loaded by every command, so nothing but the standard library may be
imported here.
"""

import os
import sys

_OPTION = "--admin-password"
_SECRETS = (_OPTION, "--confirm-password", "--old-password", "--new-password", "--secret")
"""The options of the old commands that take a secret."""
_VARIABLE = "HERMETIC_ADMIN_PASSWORD"
_DESCRIPTOR = "HERMETIC_ADMIN_PASSWORD_FD"
_COMMANDS = ("up",), ("node", "run", "web")
_OLD, _ARGUMENTS = "az", "HERMETIC_ARGUMENTS_FD"
_LONGEST = 4096  # What a pipe takes at once on any system (PIPE_BUF).


def conceal(arguments: list[str]) -> None:
    """Start this process again without its password, if a node was given one openly.

    The option wins over the variable.  Does not return where it starts again.
    """
    if arguments[:1] == [_OLD]:
        _conceal_options()
        return
    if not any(tuple(arguments[: len(words)]) == words for words in _COMMANDS):
        return
    kept, password = _without_option(sys.orig_argv)
    environment = dict(os.environ)
    told = environment.pop(_VARIABLE, None)
    password = told if password is None else password
    if password is None:
        return
    _begin_again(kept, password, _DESCRIPTOR, environment)


def further_arguments() -> list[str]:
    """Return the options that were handed over, as the command line had them."""
    handed = _read(_ARGUMENTS)
    return handed.split("\0") if handed else []


def revealed() -> str | None:
    """Return the password that was handed over, once; `None` if there was none.

    Any parent may hand one over like this: in a pipe or file whose descriptor is named in
    `HERMETIC_ADMIN_PASSWORD_FD`.
    """
    handed = _read(_DESCRIPTOR)
    return handed.rstrip("\r\n") if handed is not None else None


def _conceal_options() -> None:
    """Start this process again without the secrets that an old command was given."""
    kept: list[str] = list(sys.orig_argv)
    taken: list[str] = []
    for option in _SECRETS:
        kept, value = _without_option(kept, option)
        if value is not None:
            taken += [option, value]
    if taken:
        _begin_again(kept, "\0".join(taken), _ARGUMENTS, dict(os.environ))


def _begin_again(kept: list[str], secret: str, name: str, environment: dict[str, str]) -> None:
    """Become the command *kept*, with *secret* in a pipe whose descriptor *name* names."""
    reader, writer = os.pipe()
    os.write(writer, secret.encode("utf-8", "surrogateescape")[:_LONGEST])
    os.close(writer)
    os.set_inheritable(reader, True)
    environment[name] = str(reader)
    os.execve(sys.executable, [sys.executable, *kept[1:]], environment)  # noqa: S606 - itself


def _read(name: str) -> str | None:
    descriptor = os.environ.pop(name, "")
    if not descriptor.isdecimal():
        return None
    try:
        with open(int(descriptor), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return None


def _without_option(arguments: list[str], option: str = _OPTION) -> tuple[list[str], str | None]:
    """Return *arguments* without the option, and its value."""
    kept: list[str] = []
    password: str | None = None
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name != option:
            kept.append(argument)
        elif equals:
            password = value
        elif (following := next(remaining, None)) is not None:
            password = following
        else:
            kept.append(argument)  # Without a value: the command says what is wrong.
    return kept, password
