"""What a context trusts, however many certificates that are.

OpenSSL sorts all that a context trusts again for each one that is added: 1000 cost 0.3 s of the
event loop, at each renewal and each change of trust.  Many are written once into a folder that
OpenSSL looks things up in by name (openssl-rehash(1) tells its form), when a handshake asks; every
further context then takes a moment.  The folder is ours alone, lies in memory where there is
`/dev/shm`, and lives as long as a context that looks into it.  Should somebody take it away,
nobody is trusted who was not asked for before.
"""

import ctypes
import fcntl
import os
import shutil
import ssl
import tempfile
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.errors import CertificateRejected
from hermetic.log import logger
from hermetic.tls import leftovers
from hermetic.tls.memory import private_place

MANY = 64
"""From so many on there is a folder; fewer take about a millisecond."""

_PREFIX = "hermetic-anchors-"
_TRIES = 5

log = logger(__name__)


class _Folder:
    """A folder that OpenSSL looks certificates up in; gone with the last that holds it."""

    def __init__(self, certificates: Sequence[bytes], hashes: Sequence[int]) -> None:
        """Write *certificates*, in PEM, of subjects with *hashes*; raises `OSError`."""
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=private_place()))
        # The lock says that a process looks into it: no sweep of ours takes it away then, and
        # none of systemd-tmpfiles(8).
        lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        self._remove = weakref.finalize(self, _removed, self.path, lock, os.getpid())
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ordinal: Counter[int] = Counter()
            for pem, name_hash in zip(certificates, hashes, strict=True):
                (self.path / f"{name_hash:08x}.{ordinal[name_hash]}").write_bytes(pem)
                ordinal[name_hash] += 1
        except OSError:
            self._remove()
            raise


class _Anchors:
    """Some certificates, parsed once."""

    def __init__(self, pem: bytes) -> None:
        try:
            certificates = x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise CertificateRejected(
                "malformed", "The roots to trust are not certificates in PEM."
            ) from error
        self._certificates = {one.public_bytes(Encoding.DER): one for one in certificates}
        self._folder: _Folder | None = None

    def load(self, context: ssl.SSLContext) -> None:
        folder = self._looked_up_in()
        if folder is None:
            context.load_verify_locations(cadata=b"".join(self._certificates))
            return
        context.load_verify_locations(capath=folder.path)
        _held[context] = folder

    def _looked_up_in(self) -> _Folder | None:
        if len(self._certificates) < MANY:
            return None
        if self._folder is None or not self._folder.path.is_dir():
            self._folder = _written(self._certificates)
        return self._folder


_held: "weakref.WeakKeyDictionary[ssl.SSLContext, _Folder]" = weakref.WeakKeyDictionary()
_known = lru_cache(maxsize=4)(_Anchors)


def trust(context: ssl.SSLContext, certificates: bytes) -> None:
    """Let *context* trust *certificates*, in PEM, beside what it trusts; nothing (`b""`) is nobody.

    Raises:
        CertificateRejected: They are not certificates (`malformed`).
    """
    if certificates.strip():
        _known(certificates).load(context)


def sweep() -> int:
    """Take away what killed processes of this user left behind; return how many folders."""
    swept = 0
    for left in Path(private_place() or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, of another user, or gone meanwhile
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left)
                    swept += 1
            finally:
                os.close(lock)
    return swept


def _written(certificates: Mapping[bytes, x509.Certificate]) -> _Folder | None:
    """Return a new folder, or `None` where there can be none: then contexts take their time."""
    try:
        hashes = _name_hashes([one.subject.public_bytes() for one in certificates.values()])
    except ValueError:  # OpenSSL reads subjects that we do not
        return None
    if hashes is None:
        return None
    sweep()
    pems = [ssl.DER_cert_to_PEM_cert(der).encode() for der in certificates]
    failed: OSError | None = None
    for _ in range(_TRIES):
        try:
            return _Folder(pems, hashes)
        except (FileNotFoundError, BlockingIOError) as error:  # the sweep of a process beside us
            failed = error
        except OSError as error:
            failed = error
            break
    log.warning("tls.anchors_not_written", reason=str(failed))
    return None


def _name_hashes(names: Sequence[bytes]) -> list[int] | None:
    """Return OpenSSL's hash of each name, in DER, by the OpenSSL that will ask for it.

    Of the names alone: OpenSSL 3 takes 0.16 ms to read a certificate with its key.
    """
    library = leftovers.libcrypto()
    try:
        parse = getattr(library, "d2i_X509_NAME")  # noqa: B009
        hashed = getattr(library, "X509_NAME_hash_ex")  # noqa: B009
        free = getattr(library, "X509_NAME_free")  # noqa: B009
    except AttributeError as error:  # OpenSSL 1.1.1 has another one
        log.warning("tls.anchors_not_hashed", reason=str(error))
        return None
    parse.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]
    parse.restype = ctypes.c_void_p
    hashed.argtypes, hashed.restype = [ctypes.c_void_p] * 4, ctypes.c_ulong
    free.argtypes, free.restype = [ctypes.c_void_p], None
    hashes = []
    for der in names:
        name = parse(None, ctypes.byref(ctypes.c_char_p(der)), len(der))
        if not name:  # ours reads what OpenSSL does not: that is for OpenSSL to say
            leftovers.clear()
            return None
        hashes.append(hashed(name, None, None, None))
        free(name)
    return hashes


def _removed(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked child has the object, and does not own the folder
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
