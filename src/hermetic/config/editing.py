"""Changes single settings in a file, and leaves everything else as its owner wrote it.

Comments, order, indentation, byte order mark and encoding stay.  A file that cannot be read is
not changed, nor is one that the change would make unreadable.
"""

import codecs
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from hermetic.config.home import speaking_of
from hermetic.config.jsonc import Member, Value, decoded, parse
from hermetic.errors import BadConfiguration

Setting = str | int | bool | list[str]

_STEP = "  "


def edit(path: Path, changes: Mapping[str, Setting]) -> None:
    """Write *changes*, by keys such as `Kestrel.Port`, into the file at *path*.

    A file that is missing is made, for its owner alone; of one that is there owner and mode
    stay, and a link keeps leading to it.  It is replaced whole or not at all.

    Raises:
        BadConfiguration: It cannot be read or written; nothing was changed.
    """
    prepared(path, changes)()


def prepared(path: Path, changes: Mapping[str, Setting]) -> Callable[[], None]:
    """Return what makes the *changes*, for whoever has to do something else before; see `edit`.

    All that can be known to go wrong goes wrong now.
    """
    with speaking_of(path):
        target = path.resolve()
        before = target.read_bytes() if target.exists() else b""
        if target.exists() and not stat.S_IMODE(target.stat().st_mode) & stat.S_IWUSR:
            raise BadConfiguration(f"{path} is read-only: `chmod u+w {path}` if it may change.")
    text = _text(before, path) if before.strip() else "{\n}\n"
    # All of one kind or the other, as editors have it; a mixture is left alone.
    ends = "\r\n" if text.count("\r\n") == text.count("\n") > 0 else "\n"
    text = text.replace(ends, "\n")
    for key, value in changes.items():
        text = edited(text, key.split("."), value, file=str(path))
    parse(text, file=str(path))
    content = _encoded(text.replace("\n", ends), before)
    return lambda: _replace(target, content)


def _text(content: bytes, path: Path) -> str:
    """Return the text of a file, all of which can be read; what cannot would be lost."""
    text = decoded(content)
    if _encoded(text.removeprefix("\ufeff"), content) != content:
        for number, line in enumerate(content.split(b"\n"), start=1):
            if line.decode("utf-8", "replace").encode() != line:
                raise BadConfiguration(
                    f"{path}:{number}: this line is not UTF-8, and would be damaged by a change:"
                    " save the file as UTF-8 first."
                )
        raise BadConfiguration(f"{path} holds what is no text: save it as UTF-8 first.")
    return text


def edited(text: str, path: list[str], value: Setting, *, file: str) -> str:
    """Return *text* with the setting at *path* being *value*, names known in any case.

    Raises:
        BadConfiguration: The text cannot be read, or holds something else on the way.
    """
    whole = parse(text, file=file)
    text = text.removeprefix("\ufeff")
    at, steps = whole, list(path)
    while steps:
        if not isinstance(at.content, dict):
            name = ".".join(path[: len(path) - len(steps)]) or "the file"
            raise BadConfiguration(f"{at.place}: {name} must be an object: write {{ }} there.")
        found = _member(at.content, steps[0])
        if found is None:
            return _inserted(text, at, steps, value)
        at = found.value
        steps.pop(0)
    start, end = at.span
    return f"{text[:start]}{json.dumps(value, ensure_ascii=False)}{text[end:]}"


def _member(members: dict[str, Member], name: str) -> Member | None:
    return next((one for key, one in members.items() if key.lower() == name.lower()), None)


def _inserted(text: str, into: Value, steps: list[str], value: Setting) -> str:
    """Return *text* with the members *steps*, one inside the other, at the end of *into*."""
    start, end = into.span
    outer = _indentation(text, start)
    members = into.content if isinstance(into.content, dict) else {}
    inner = outer + _STEP
    line = f"{json.dumps(steps[0])}: {_nested(steps[1:], value, inner)}"
    if not members:
        return f"{text[:start]}{{\n{inner}{line}\n{outer}}}{text[end:]}"
    last = max(one.value.span[1] for one in members.values())
    first = min(one.value.span[0] for one in members.values())
    inner = _indentation(text, first) if "\n" in text[start:first] else inner
    line = f"{json.dumps(steps[0])}: {_nested(steps[1:], value, inner)}"
    has_comma = text[last:end].lstrip().startswith(",")
    if has_comma:
        last = text.index(",", last) + 1
    return f"{text[:last]}{'' if has_comma else ','}\n{inner}{line}{text[last:]}"


def _nested(steps: list[str], value: Setting, indentation: str) -> str:
    if not steps:
        return json.dumps(value, ensure_ascii=False)
    inner = indentation + _STEP
    below = f"{json.dumps(steps[0])}: {_nested(steps[1:], value, inner)}"
    return f"{{\n{inner}{below}\n{indentation}}}"


def _indentation(text: str, at: int) -> str:
    """Return the blanks at the beginning of the line that *at* is in."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _encoded(text: str, before: bytes) -> bytes:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if before.startswith(mark):
            return mark + text.encode(name)
    return text.encode()


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with speaking_of(path):
        found = path.stat() if path.exists() else None
        mode = stat.S_IMODE(found.st_mode) if found else 0o600
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(draft, flags, 0o600)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.write(content)
                if found:
                    os.fchown(file.fileno(), found.st_uid, found.st_gid)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _make_durable(path.parent)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
