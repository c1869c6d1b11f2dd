"""The certificates of a home in which nothing runs, read from its store.

Apart from `certificate`, since it takes the libraries of a node, which a mere client lacks.
"""

from hermetic.certstore.files import FileStore
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.gateway.certification import Certification
from hermetic.web.api.certificates import listing_of
from hermetic.wire.messages import CertificateListing


def listings(home: Home) -> list[CertificateListing]:
    """Return every entry of the store in *home*, as the node would list it.

    One that is damaged, or that this user cannot read, says so as its last error.
    """
    certification = Certification(FileStore(home.certificates), {}, system_clock)
    return [listing_of(view) for view in certification.views()]
