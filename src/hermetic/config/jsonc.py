"""JSON with comments, where every value knows its place.

Reads what the settings files of ML Server 9.x hold: RFC 8259, and beside it a byte order mark,
`//` and `/* */` comments and a comma before a closing bracket.  Whatever else is wrong is an
error that names file, line and column, and what to write instead.  Never reads a file itself,
and never repeats a value in an error: it may be a secret.
"""

import codecs
import re
from dataclasses import dataclass, field
from typing import NoReturn

from hermetic.errors import BadConfiguration

_SPACE = re.compile(r"(?:[ \t\r\n]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
# No setting needs more digits, and Python itself refuses to read thousands of them.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_PLACEHOLDER = re.compile(r"<[\w -]+>")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_DEEPEST = 32  # Settings nest four deep; a file of brackets must not exhaust the stack.


@dataclass(frozen=True)
class Value:
    """A value and where it begins, as `file:line:column`.

    `content` is a scalar, a tuple of values, or a mapping of member names to members.
    """

    content: "Content" = field(repr=False)
    place: str
    span: tuple[int, int] = field(default=(0, 0), repr=False, compare=False)
    """Where it stands in the text, as a slice."""


@dataclass(frozen=True)
class Member:
    """One member of an object: where its name stands, and its value."""

    place: str
    value: Value


Scalar = str | int | float | bool | None
Content = Scalar | tuple[Value, ...] | dict[str, Member]


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 if its first bytes say so.

    PowerShell's `>` and `Out-File` write the latter.  Bytes that are no text become U+FFFD.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if marked else "utf-8-sig", "replace")


def parse(text: str, *, file: str) -> Value:
    """Return the value of *text*, or raise `BadConfiguration` naming *file*, line and column."""
    # An editor does not count the mark, so neither may a column.
    reader = _Reader(text.removeprefix("\ufeff"), file)
    value = reader.value(0)
    following = reader.space()
    if following == ":" and isinstance(value.content, str):
        reader.fail(0, "settings are an object", "write { before this, and } at the end")
    if following:
        reader.fail(reader.at, "nothing may follow the settings' last }", "remove what follows")
    return value


class _Reader:
    """Walks the text once, from left to right."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file, self.at = text, file, 0

    def place(self, at: int) -> str:
        """Return *at* as people count: lines and columns from 1."""
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return f"{self.file}:{line}:{column}"

    def fail(self, at: int, finding: str, remedy: str) -> NoReturn:
        """Raise what is wrong at *at*, and what to do."""
        raise BadConfiguration(f"{self.place(at)}: {finding}: {remedy}.")

    def space(self) -> str:
        """Step over blanks and comments; return the character that follows, "" at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        if self.text.startswith("/*", self.at):
            self.fail(self.at, "this comment is never closed", "write */ where it ends")
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Value:
        """Read one value of any kind."""
        char, start = self.space(), self.at
        if depth > _DEEPEST:
            self.fail(start, "this is nested too deeply", "settings nest four deep")
        content: Content
        if char == "{":
            content = self.members(depth)
        elif char == "[":
            content = self.elements(depth)
        else:
            content = self.string() if char == '"' else self.scalar(char)
        return Value(content, self.place(start), (start, self.at))

    def scalar(self, char: str) -> Scalar:
        """Read a number or one of the three words."""
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            whole = not (number[1] or number[2])
            return int(number[0]) if whole else float(number[0])
        word = _WORD.match(self.text, self.at)
        if word and word[0].lower() in _WORDS:
            self.at = word.end()
            return _WORDS[word[0].lower()]
        if word:
            finding, remedy = "a text stands without quotes", 'put it between double quotes, "'
        elif char == "'":
            finding, remedy = "a text stands in single quotes", 'use double quotes, "'
        elif not char:
            finding, remedy = "the file ends where a value should stand", "write the value, and }"
        elif _PLACEHOLDER.match(self.text, self.at):
            finding, remedy = "a placeholder stands here", "put the value itself in its place"
        else:
            finding, remedy = "no value begins here", "write a text, a number, true or false"
        return self.fail(self.at, finding, remedy)

    def string(self) -> str:
        """Read a text in double quotes."""
        found = _STRING.match(self.text, self.at)
        if not found:
            self.fail(
                self.at,
                "this text does not end on its line, or holds a lone backslash",
                'close it with ", and write a backslash as \\\\',
            )
        self.at = found.end()
        plain = _ESCAPE.sub(_unescape, found[0][1:-1])
        # Two halves of one character, each written as \uXXXX, become that character here.
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def members(self, depth: int) -> dict[str, Member]:
        """Read an object; the names keep their writing, and differ by more than case."""
        self.at += 1
        found: dict[str, Member] = {}
        seen: dict[str, str] = {}
        while (char := self.space()) != "}":
            start = self.at
            if char != '"':
                self.refuse_name(char)
            name = self.string()
            # Until a colon has followed it may be a value out of its place, and so not repeated.
            if self.space() != ":":
                self.fail(self.at, "no value follows this name", "write : and the value")
            if name.lower() in seen:
                first = seen[name.lower()]
                self.fail(start, f"{name} stands here twice", f"remove this or the one at {first}")
            seen[name.lower()] = self.place(start)
            self.at += 1
            found[name] = Member(self.place(start), self.value(depth + 1))
            self.separator("}", after=name)
        self.at += 1
        return found

    def refuse_name(self, char: str) -> NoReturn:
        """Say what is wrong where *char*, and no name, stands."""
        if not char:
            self.fail(self.at, "the file ends too early", "write } here")
        if char in ",:]":
            self.fail(self.at, f"{char} stands too much here", "remove it")
        self.fail(self.at, "a setting's name should stand here", 'write it as "Name"')

    def elements(self, depth: int) -> tuple[Value, ...]:
        """Read a list."""
        self.at += 1
        found: list[Value] = []
        while self.space() != "]":
            found.append(self.value(depth + 1))
            self.separator("]", after="this element")
        self.at += 1
        return tuple(found)

    def separator(self, closing: str, *, after: str) -> None:
        """Step over a comma; none is needed before *closing*."""
        end = self.at
        char = self.space()
        if char == ",":
            self.at += 1
        elif not char:
            self.fail(end, "the file ends too early", f"write {closing} here")
        elif char != closing:
            finding = f"{closing} is" if char in "}]" else "a comma is"
            written = closing if char in "}]" else ","
            self.fail(end, f"{finding} missing after {after}", f"write {written} here")


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)
