"""Where nginx finds certificates, keys and its log, on whichever machine it runs.

Pure: no file is looked at, since it may be on another machine.  A path is written into nginx's
configuration as it is, so it consists of characters that mean nothing there.
"""

import re
from dataclasses import dataclass, fields

from hermetic.errors import BadInput

_PATH = re.compile(r"/[A-Za-z0-9._/+@:,=~-]{1,1023}\Z")


@dataclass(frozen=True)
class Files:
    """Where nginx finds what it needs on its own machine; absolute paths, or `None`.

    `certificate` is the chain, leaf first; `client_ca` those whose certificates callers have to
    show; `upstream_certificate` what nginx shows to the nodes.

    Raises:
        BadInput: A path could mean something else to nginx, or one of a pair is missing.
    """

    certificate: str
    key: str
    client_ca: str | None = None
    client_crl: str | None = None
    upstream_ca: str | None = None
    upstream_certificate: str | None = None
    upstream_key: str | None = None
    access_log: str = "/var/log/nginx/hermetic.access.log"

    def __post_init__(self) -> None:
        for one in fields(self):
            path = getattr(self, one.name)
            if path is not None:
                _check_path(path, one.name.replace("_", " "))
        if self.client_crl is not None and self.client_ca is None:
            raise BadInput(
                "A list of revoked client certificates means nothing without their authority:"
                " name it with --client-ca, or leave --client-crl out."
            )
        if (self.upstream_certificate is None) != (self.upstream_key is None):
            raise BadInput(
                "The certificate nginx shows to the nodes and its key belong together: give both"
                " --upstream-certificate and --upstream-key, or neither."
            )


def _check_path(path: str, what: str) -> None:
    if not _PATH.match(path):
        raise BadInput(
            f"{path[:100]!r} cannot stand in nginx's configuration as the {what}: write an absolute"
            " path of letters, digits and any of . _ / + @ : , = ~ -"
        )
