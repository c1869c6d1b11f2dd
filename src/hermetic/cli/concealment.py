"""Takes a password off the process list.

What stands on a command line or in a variable can be read in `/proc` for as long as the process
lives.  So a process that was given a password that way starts itself again, once, with the
password in a pipe.  Loaded by every command, so nothing but the standard library may be
imported here.
"""

import os
import sys
from collections.abc import Mapping

_OPTION = "--admin-password"
_SECRETS = {
    _OPTION,
    "--confirm-password",
    "--old-password",
    "--new-password",
    "--secret",
    "--password",
    "--primary-key",
    "--kp",
    "--secondary-key",
    "--ks",
    "--set-key",
}
"""The options of the old commands that take a secret."""
_SHORT: dict[tuple[str, ...], dict[str, str]] = {
    ("az", "ml", "service"): {"-s": "--set-key"},
    ("az", "ml"): {},
    ("az",): {"-p": "--password"},
}
"""What they are called in one letter; the first words that fit hold."""
_DESCRIPTOR = "HERMETIC_ADMIN_PASSWORD_FD"
HANDED_TOKEN = "HERMETIC_JOIN_TOKEN_FD"  # noqa: S105 - where one is, and none itself
"""Names the descriptor from which a token to join by is read."""
_ADMIN = _OPTION, "HERMETIC_ADMIN_PASSWORD", _DESCRIPTOR
_COMMANDS = {
    ("up",): _ADMIN,
    ("node", "run", "web"): _ADMIN,
    ("node", "join"): ("--token", "HERMETIC_JOIN_TOKEN", HANDED_TOKEN),
}
"""The option that gives a secret, the variable that does, and where it is handed over."""
_OLD, _ARGUMENTS = "az", "HERMETIC_ARGUMENTS_FD"
_LONGEST = 4096  # What a pipe takes at once on any system (PIPE_BUF).


def conceal(arguments: list[str]) -> None:
    """Start this process again without its password or token, if it was given one openly.

    The option wins over the variable.  Does not return where it starts again.
    """
    if arguments[:1] == [_OLD]:
        _conceal_options()
        return
    for words, (option, variable, descriptor) in _COMMANDS.items():
        if tuple(arguments[: len(words)]) != words:
            continue
        kept, secret = _without_option(sys.orig_argv, option)
        environment = dict(os.environ)
        told = environment.pop(variable, None)
        secret = told if secret is None else secret
        if secret is not None:
            _begin_again(kept, secret, descriptor, environment)


def further_arguments() -> list[str]:
    """Return the options that were handed over, as the command line had them."""
    handed = _read(_ARGUMENTS)
    return handed.decode("utf-8", "surrogateescape").split("\0") if handed else []


def revealed(descriptor: str = _DESCRIPTOR) -> str | None:
    """Return the secret that was handed over, once; `None` if there was none.

    Any parent may hand one over like this: in a pipe or file whose descriptor is named in
    `HERMETIC_ADMIN_PASSWORD_FD`, or another *descriptor*.
    """
    handed = _read(descriptor, _LONGEST)
    return None if handed is None else handed.decode("utf-8", "replace").rstrip("\r\n")


def _conceal_options() -> None:
    """Start this process again without the secrets that an old command was given."""
    # What stands before is Python's own, and may look like one of ours.
    words = sys.orig_argv.index(_OLD)
    before, kept = sys.orig_argv[:words], list[str]()
    typed = tuple(sys.orig_argv[words:])
    short = next(names for first, names in _SHORT.items() if typed[: len(first)] == first)
    taken: list[str] = []
    remaining = iter(sys.orig_argv[words:])
    for argument in remaining:
        option, value = _parted(argument, short)
        if option not in _SECRETS:
            kept.append(argument)
        elif value is not None:
            taken.append(f"{option}={value}")
        elif (following := next(remaining, None)) is not None:
            taken.append(f"{option}={following}")
        else:
            kept.append(argument)  # Without a value: the command says what is wrong.
    if taken:
        _begin_again([*before, *kept], "\0".join(taken), _ARGUMENTS, dict(os.environ))


def _parted(argument: str, short: Mapping[str, str]) -> tuple[str, str | None]:
    """Return an option and the value that stands in the same word, as click reads them."""
    if argument[:2] in short:
        return short[argument[:2]], argument[2:] or None
    option, equals, value = argument.partition("=")
    return option, value if equals else None


def _begin_again(kept: list[str], secret: str, name: str, environment: dict[str, str]) -> None:
    """Become the command *kept*, with *secret* in a file that only it has, named by *name*."""
    content = secret.encode("utf-8", "surrogateescape")
    reader = _handed_over(content)
    os.set_inheritable(reader, True)
    environment[name] = str(reader)
    os.execve(sys.executable, [sys.executable, *kept[1:]], environment)  # noqa: S606 - itself


def _handed_over(content: bytes) -> int:
    """Return a descriptor that *content* is read from; it lies on no disk."""
    if sys.platform == "linux":
        reader = os.memfd_create("handed over")
        with open(reader, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(reader, 0, os.SEEK_SET)
        return reader
    if len(content) > _LONGEST:
        # A pipe that nobody reads yet takes no more, and half a secret is none.
        sys.exit(f"hermetic: A secret may have {_LONGEST} bytes here: let the command ask for it.")
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


def _read(name: str, most: int = -1) -> bytes | None:
    descriptor = os.environ.pop(name, "")
    if not descriptor.isdecimal():
        return None
    try:
        with open(int(descriptor), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return file.read(most)
    except OSError:
        return None


def _without_option(arguments: list[str], option: str) -> tuple[list[str], str | None]:
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
