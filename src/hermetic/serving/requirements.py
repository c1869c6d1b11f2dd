"""What a script needs to be installed: names and versions, and nothing that would run code.

Pure.  A requirement is a name with perhaps extras and versions (PEP 508).  What is installed comes
from where the administrator says, in pip's own configuration: no address or path is taken.
"""

import hashlib
import json
import re
from collections.abc import Iterable

from hermetic.errors import BadInput

_VERSION = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?:\s*\[[A-Za-z0-9._,\s-]*\])?"
    rf"(?:\s*{_VERSION}(?:\s*,\s*{_VERSION})*)?"
    r"""(?:\s*;[A-Za-z0-9_ .'"<>=!()]+)?\Z"""
)
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OURS = {"azureml-defaults", "azureml-inference-server-http", "azureml-contrib-services"}
"""What brought the retired inference server: that part is played here."""

_SOURCES = {"--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--trusted-host"}
"""Options that say where packages come from.  Clients write some by themselves; that is the
administrator's to say, so they are passed over."""

_LONGEST, _MOST = 300, 500


def parse(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the requirements that *lines* are, in order and without those that are played here.

    Raises:
        BadInput: One of them is no name with versions.
    """
    found: dict[str, None] = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text or re.split(r"[\s=]", text)[0] in _SOURCES:
            continue
        name = _NAME.match(text)
        if name is None or len(text) > _LONGEST or not _REQUIREMENT.match(text):
            raise BadInput(
                f"{line[:100]!r} is no requirement that is installed here: write a name with"
                " versions, such as numpy==2.1.0. No addresses, paths or options."
            )
        if re.sub(r"[._-]+", "-", name[0]).lower() not in _OURS:
            found[text] = None
    if len(found) > _MOST:
        raise BadInput(f"An environment has at most {_MOST} requirements, not {len(found)}.")
    return tuple(found)


def digest(requirements: tuple[str, ...], python: str) -> str:
    """Return what an environment of *requirements* for the interpreter *python* is known by."""
    return hashlib.sha256(json.dumps([python, *requirements]).encode()).hexdigest()
