"""Which service a call's address means.

Asked on every call, so it is one look-up in memory; `publishing` keeps it true.
"""

from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from hermetic.serving.service import ServiceKey


class Routes:
    """The addresses of all services that can be called on this node at this moment."""

    def __init__(self) -> None:
        self._keys: dict[bytes, ServiceKey] = {}

    def add(self, key: ServiceKey) -> None:
        """Let calls reach *key* from now on."""
        self._keys[key.path.encode()] = key

    def remove(self, key: ServiceKey) -> None:
        """Let no further call reach *key*; unknown keys are ignored."""
        self._keys.pop(key.path.encode(), None)

    def find(self, path: bytes) -> ServiceKey | None:
        """Return the service called at *path*, as it came on the wire, without its query.

        `None` if there is none.  Percent-encoding is undone (RFC 3986, 2.4), since `requests`
        and others encode more than a name needs.
        """
        key = self._keys.get(path)
        if key is None and b"%" in path:
            # A decoded slash would be a further folder, and no key has one: it finds nothing.
            key = self._keys.get(unquote_to_bytes(path))
        return key

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[ServiceKey]:
        return iter(tuple(self._keys.values()))
