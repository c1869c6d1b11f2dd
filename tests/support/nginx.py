"""nginx as Debian packages it: what it says of a configuration, and one that runs in a folder."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.product import until

# Where Debian puts it is not on everybody's path.
PROGRAM = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
needs_nginx = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")

_AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/front.conf;
}}
"""


@dataclass
class Directive:
    """One directive of a configuration: its words, and what its block holds if it has one."""

    words: list[str]
    block: list["Directive"] | None = None

    def named(self, name: str) -> list[list[str]]:
        """Return the arguments of each directive *name* in the block itself."""
        return [one.words[1:] for one in self.block or [] if one.words[0] == name]

    def blocks(self, name: str) -> list["Directive"]:
        """Return the blocks *name* in the block itself."""
        return [one for one in self.block or [] if one.words[0] == name and one.block is not None]


def parse(text: str) -> Directive:
    """Return the directives of *text* as nginx reads them: words, quotes, `;`, braces, comments."""
    root = Directive(["http"], [])
    stack, words = [root], list[str]()
    for word, is_quoted in _words(text):
        if is_quoted or word not in {";", "{", "}"}:
            words.append(word)
        elif word == "}":
            assert not words
            stack.pop()
        else:
            made = Directive(words, [] if word == "{" else None)
            assert made.words
            block = stack[-1].block
            assert block is not None
            block.append(made)
            words = []
            if word == "{":
                stack.append(made)
    assert stack == [root]
    assert not words
    return root


def _words(text: str) -> Iterator[tuple[str, bool]]:
    at = 0
    while at < len(text):
        char = text[at]
        if char == "#":
            at = text.find("\n", at)
        elif char in "\"'":
            end = text.index(char, at + 1)
            yield text[at + 1 : end], True
            at = end
        elif char in ";{}":
            yield char, False
        elif not char.isspace():
            end = at
            while text[end] not in " \n;{}":
                end += 1
            yield text[at:end], False
            at = end - 1
        at += 1


def free_port() -> int:
    """Return a port that nobody listens on at present."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Return what `nginx -t` says of the configuration *text*."""
    _write(folder, text)
    return subprocess.run(
        [*_command(folder), "-t"], check=False, capture_output=True, text=True, timeout=30
    )


@dataclass
class Nginx:
    """A running nginx."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def errors(self) -> str:
        """What it has written into its error log."""
        return (self.folder / "error.log").read_text()

    def stop(self) -> str:
        """Let it finish, and return all that it has logged."""
        self.process.send_signal(signal.SIGQUIT)
        assert self.process.wait(timeout=30) == 0
        return self.errors + "".join(path.read_text() for path in self.folder.glob("*.access.log"))


@contextmanager
def running(folder: Path, text: str, port: int) -> Iterator[Nginx]:
    """Run nginx with the configuration *text* until left; it listens on *port*."""
    _write(folder, text)
    # It ends with the tests, also where one failed before it was stopped.
    process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *_command(folder)])
    nginx = Nginx(folder, process)

    def listens() -> bool:
        assert process.poll() is None, nginx.errors
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield nginx
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)


def _write(folder: Path, text: str) -> None:
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, user=user))
    (folder / "front.conf").write_text(text)


def _command(folder: Path) -> list[str]:
    assert PROGRAM is not None
    return [PROGRAM, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
