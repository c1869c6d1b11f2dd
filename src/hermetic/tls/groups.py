"""Which groups a handshake may agree on: those of Mozilla's profiles, and no others.

OpenSSL 3.0 offers P-521 and X448 by default, and `ssl` has no way to say otherwise before
`set_groups` of Python 3.15.  What works is OpenSSL's own configuration, which says what every
new `SSLContext` starts with.  It need not be named in `OPENSSL_CONF` before the process starts
(which takes a second start of the process): `CONF_modules_load_file` of libcrypto, a public
function, takes it at any time.  `set_ecdh_curve` was the other road; it allows one group only,
so that either a client without X25519 is lost or everybody else pays a round trip.

The configuration holds for the whole process, clients included, and replaces what the system's
openssl.cnf says of TLS.
"""

import ctypes
import ssl
from functools import cache

from hermetic.log import logger
from hermetic.tls import leftovers
from hermetic.tls.memory import as_path

# Mozilla 5.7 and, where OpenSSL knows the first, 6.0; the order is the server's preference.
_CLASSIC = "X25519:P-256:P-384"
_HYBRID = f"X25519MLKEM768:{_CLASSIC}"
_FIRST_WITH_HYBRID = (3, 5)
# The last two lines are what Debian's own openssl.cnf says, which these replace.
_CONFIGURATION = """
openssl_conf = hermetic
[hermetic]
ssl_conf = contexts
[contexts]
system_default = every_context
[every_context]
Groups = {groups}
MinProtocol = TLSv1.2
CipherString = DEFAULT:@SECLEVEL=2
"""

log = logger(__name__)


def names() -> str:
    """Return the groups, as OpenSSL writes a list of them, best first."""
    hybrid = ssl.OPENSSL_VERSION_INFO[:2] >= _FIRST_WITH_HYBRID
    return _HYBRID if hybrid else _CLASSIC


@cache
def limit_new_contexts() -> bool:
    """Let every `SSLContext` made from now on agree on our groups only.

    Returns whether that could be said; if not, it is logged, and handshakes are as safe as
    OpenSSL's own choice.  Call it before threads make contexts of their own: OpenSSL does not
    lock what this replaces.  Only the first call does something.
    """
    try:
        load = getattr(leftovers.libcrypto(), "CONF_modules_load_file")  # noqa: B009
    except AttributeError as error:
        log.warning("tls.groups_not_limited", reason=str(error))
        return False
    load.argtypes, load.restype = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong], ctypes.c_int
    with as_path(_CONFIGURATION.format(groups=names()).encode()) as path:
        loaded = bool(load(str(path).encode(), None, 0) == 1)
    if not loaded:
        log.warning("tls.groups_not_limited", reason="OpenSSL refused the configuration")
    return loaded
