"""Whom the other programs of this machine believe: its own list of authorities.

Read only to tell a person whether clients like these will believe a certificate.  What cannot
be read is left out: another program's file must not keep ours from its work.
"""

import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from hermetic.certificates import pem
from hermetic.errors import CertificateRejected

_LARGEST = 4_000_000  # Debian's file of 144 authorities has 220 kB


def system_roots() -> tuple[x509.Certificate, ...]:
    """Return the authorities in OpenSSL's default file, or its folder where there is no file.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` name others, as for every program that uses OpenSSL.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        files = [Path(paths.cafile)]
    else:
        with suppress(OSError):
            files = sorted(Path(paths.capath).iterdir()) if paths.capath else []
    with warnings.catch_warnings():
        # one authority on every Debian has a negative serial number, which is not for us to mend
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return tuple(dict.fromkeys(one for file in files for one in _certificates(file)))


def _certificates(file: Path) -> Iterator[x509.Certificate]:
    with suppress(OSError, CertificateRejected):
        with file.open("rb") as opened:
            data = opened.read(_LARGEST)
        for block in pem.blocks(data):
            with suppress(ValueError, x509.InvalidVersion):
                yield x509.load_der_x509_certificate(block.data)
