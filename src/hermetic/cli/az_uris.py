"""The compute nodes that a settings file names, as the old commands change them there too.

A web node takes them into its database, and a database made anew takes them in again: what was
removed by a command must not come back that way.
"""

from collections.abc import Callable

from hermetic.config.editing import Setting, prepared
from hermetic.config.home import Home, read_record, speaking_of
from hermetic.config.jsonc import Value, decoded, parse

_SECTIONS = ("BackEndConfiguration", "ComputeNodesConfiguration")
"""As it is called, and as 9.2 and 9.3 called it."""


def values_key(home: Home) -> str:
    """Return the key by which the settings of *home* name compute nodes, or would."""
    section = next((one for one in _SECTIONS if _inside(_file(home), one)), _SECTIONS[0])
    return f"{section}.Uris.Values"


def without(home: Home, uri: str, url: str) -> Callable[[], None] | None:
    """Return what takes *uri* out of the settings of *home*; `None` if it does not stand there.

    Nor if the node that runs there is another than the one at *url*.

    Raises:
        BadConfiguration: The file cannot be read or changed; nothing was.
    """
    running = read_record(home.running) or {}
    if str(running.get("url", "")).rstrip("/") != url.rstrip("/"):
        return None
    gone = {_bare(one) for one in uri.split(",")}
    changes: dict[str, Setting] = {}
    for section in _SECTIONS:
        for name in ("Values", "Ranges"):
            listed = _texts(_inside(_inside(_inside(_file(home), section), "Uris"), name))
            kept = [one for one in listed if _bare(one) not in gone]
            if kept != listed:
                changes[f"{section}.Uris.{name}"] = kept
    return prepared(home.settings, changes) if changes else None


def _file(home: Home) -> Value | None:
    with speaking_of(home.settings):
        if not home.settings.exists():
            return None
        content = home.settings.read_bytes()
    return parse(decoded(content), file=str(home.settings))


def _inside(value: Value | None, name: str) -> Value | None:
    members = value.content if value is not None and isinstance(value.content, dict) else {}
    return next((one.value for key, one in members.items() if key.lower() == name.lower()), None)


def _texts(value: Value | None) -> list[str]:
    found = value.content if value is not None and isinstance(value.content, tuple) else ()
    return [one.content for one in found if isinstance(one.content, str)]


def _bare(uri: str) -> str:
    return uri.strip().rstrip("/")
