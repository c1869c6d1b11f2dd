"""Everything that goes wrong, in one tree.

::

    HermeticError                       internal-error            500   1
    ├── BadInput                        bad-input                 400  65
    │   ├── MalformedBody               malformed-body            400  65
    │   ├── InputMismatch               input-mismatch            400  65
    │   ├── BundleRejected              bundle-rejected           400  65
    │   ├── CertificateRejected         certificate-rejected      400  65
    │   ├── ServiceUnloadable           service-unloadable        400  65
    │   ├── BodyTooLarge                body-too-large            413  65
    │   ├── HeadersTooLarge             headers-too-large         431  65
    │   ├── AddressTooLong              address-too-long          414  65
    │   ├── InvalidHttp                 invalid-http              400  65
    │   ├── MethodNotAllowed            method-not-allowed        405  65
    │   └── PlainHttp                   plain-http                400  65
    ├── Unauthenticated                 unauthenticated           401  77
    ├── NotPermitted                    not-permitted             403  77
    ├── NotFound                        not-found                 404  66
    │   ├── ServiceNotFound             service-not-found         404  66
    │   ├── NotPlaced                   not-placed                404  66
    │   └── SessionNotFound             session-not-found         404  66
    ├── RequestTimeout                  request-timeout           408  75
    ├── Conflict                        conflict                  409   1
    │   ├── ServiceExists               service-exists            409   1
    │   └── BundleMissing               bundle-missing            409   1
    ├── Gone                            gone                      410  66
    ├── TooManyAttempts                 too-many-attempts         429  75
    ├── WorkerDied                      worker-died               500   1
    ├── Unavailable                     unavailable               503  69
    │   ├── Busy                        busy                      503  75
    │   ├── Draining                    draining                  503  75
    │   └── NoWorker                    no-worker                 503  69
    ├── DeadlineExceeded                deadline-exceeded         504  75
    ├── StorageFull                     storage-full              507  75
    ├── Unreachable                     unreachable               502  69
    ├── TrustFailure                    trust-failure             502  77
    ├── RefusedByIssuer                 refused-by-issuer         502   1
    ├── HomeLocked                      home-locked               503  75
    └── BadConfiguration                bad-configuration         500  78

Columns: the problem type of RFC 9457, the HTTP status, the exit code of the command.  The text
of an error is one sentence for a person, with the values in it and what to do next.  Nothing
else in the product chooses a status or an exit code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class HermeticError(Exception):
    """Something went wrong that is nobody's input: a fault of ours, or of the machine."""

    type: str = "internal-error"
    status: int = 500
    exit_code: int = 1

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def members(self) -> Mapping[str, object]:
        """What a machine needs beside the text; becomes members of the problem (RFC 9457, 3.2)."""
        return {}


class BadInput(HermeticError):
    """What was sent cannot be used as it is; nothing was changed."""

    type, status, exit_code = "bad-input", 400, 65


class MalformedBody(BadInput):
    """The body is not what its content type says."""

    type = "malformed-body"


@dataclass(frozen=True)
class Mismatch:
    """One place in a body that does not fit: a JSON pointer (RFC 6901) and a sentence."""

    pointer: str
    message: str


class InputMismatch(BadInput):
    """The inputs do not fit the schema of the service."""

    type = "input-mismatch"

    def __init__(self, text: str, mismatches: Sequence[Mismatch] = ()) -> None:
        super().__init__(text)
        self.mismatches = tuple(mismatches)

    @property
    def members(self) -> Mapping[str, object]:
        """Where the inputs do not fit."""
        return {"errors": [{"pointer": m.pointer, "message": m.message} for m in self.mismatches]}


class BundleRejected(BadInput):
    """The bundle cannot be accepted: not an archive, a bomb, or a path that leads outside."""

    type = "bundle-rejected"


class CertificateRejected(BadInput):
    """A certificate, key or chain cannot be used; `code` names the reason for machines."""

    type = "certificate-rejected"

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def members(self) -> Mapping[str, object]:
        """The reason's code."""
        return {"reason": self.code}


class ServiceUnloadable(BadInput):
    """The service's own code failed while it was loaded for the check before publishing."""

    type = "service-unloadable"

    def __init__(self, text: str, traceback: str = "") -> None:
        super().__init__(text)
        self.traceback = traceback

    @property
    def members(self) -> Mapping[str, object]:
        """The traceback of the service's own code, for its publisher."""
        return {"traceback": self.traceback} if self.traceback else {}


class BodyTooLarge(BadInput):
    """The body is larger than this address accepts."""

    type, status = "body-too-large", 413


class HeadersTooLarge(BadInput):
    """The header section is larger, or has more fields, than the node accepts (RFC 6585, 5)."""

    type, status = "headers-too-large", 431


class AddressTooLong(BadInput):
    """The address in the request line is longer than the node accepts (RFC 9110, 15.5.15)."""

    type, status = "address-too-long", 414


class InvalidHttp(BadInput):
    """The request is not HTTP/1.1 as RFC 9112 has it; the connection was closed."""

    type = "invalid-http"


class MethodNotAllowed(BadInput):
    """The address exists, but not with this method."""

    type, status = "method-not-allowed", 405


class PlainHttp(BadInput):
    """A request came in plain HTTP to a port that speaks TLS."""

    type = "plain-http"


class Unauthenticated(HermeticError):
    """The caller did not prove who they are: no token, or one that is wrong, expired or revoked.

    `unsettled` says that another node may have let them in just now: whoever can ask there does
    so, and then asks here again.
    """

    type, status, exit_code = "unauthenticated", 401, 77

    def __init__(self, text: str, *, unsettled: bool = False) -> None:
        super().__init__(text)
        self.unsettled = unsettled


class NotPermitted(HermeticError):
    """The caller is known, and may not do this."""

    type, status, exit_code = "not-permitted", 403, 77


class NotFound(HermeticError):
    """There is nothing at that address or of that name."""

    type, status, exit_code = "not-found", 404, 66


class ServiceNotFound(NotFound):
    """No service of that name and version is published."""

    type = "service-not-found"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"There is no service {name!r} in version {version!r}."
            " `hermetic service list` shows what is published."
        )
        self.name, self.version = name, version

    @property
    def members(self) -> Mapping[str, object]:
        """The name and version asked for."""
        return {"service": self.name, "version": self.version}


class NotPlaced(NotFound):
    """A compute node was called for a service that it was not given yet; nothing has run."""

    type = "not-placed"


class SessionNotFound(NotFound):
    """The node that was asked keeps no such session: it was closed, or the node began anew."""

    type = "session-not-found"


class RequestTimeout(HermeticError):
    """The request did not arrive in time."""

    type, status, exit_code = "request-timeout", 408, 75


class Conflict(HermeticError):
    """It would collide with something that exists already."""

    type, status, exit_code = "conflict", 409, 1


class ServiceExists(Conflict):
    """A service of that name and version is published already."""

    type = "service-exists"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"There is already a service {name!r} in version {version!r}."
            " Publish another version, redeploy it, or delete it first."
        )
        self.name, self.version = name, version

    @property
    def members(self) -> Mapping[str, object]:
        """The name and version asked for."""
        return {"service": self.name, "version": self.version}


class BundleMissing(Conflict):
    """A compute node was given a service whose bundle it does not have yet."""

    type = "bundle-missing"


class Gone(HermeticError):
    """It existed, and what it stood on has ended: a session whose interpreter died."""

    type, status, exit_code = "gone", 410, 66


class TooManyAttempts(HermeticError):
    """Too many failures in a short time; try again after `retry_after_s` seconds."""

    type, status, exit_code = "too-many-attempts", 429, 75

    def __init__(self, text: str, retry_after_s: int) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class WorkerDied(HermeticError):
    """The process that ran the call ended before it answered; says how, and its last words."""

    type, status, exit_code = "worker-died", 500, 1

    def __init__(self, text: str, exit_status: int | None, stderr: str = "") -> None:
        super().__init__(text)
        self.exit_status, self.stderr = exit_status, stderr

    @property
    def members(self) -> Mapping[str, object]:
        """The exit status (negative: a signal) and the last lines written to standard error."""
        return {"exitStatus": self.exit_status, "stderr": self.stderr}


class Unavailable(HermeticError):
    """There is nobody to answer at present: no worker, or the node is stopping."""

    type, status, exit_code = "unavailable", 503, 69

    def __init__(self, text: str, retry_after_s: int = 1) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Busy(Unavailable):
    """Every worker is busy and the queue is full."""

    type, exit_code = "busy", 75


class Draining(Unavailable):
    """The node is about to stop and takes nothing on; what was asked has not begun."""

    type, exit_code = "draining", 75


class NoWorker(Unavailable):
    """No worker can be started at present; what was asked has not begun."""

    type = "no-worker"


class DeadlineExceeded(HermeticError):
    """The call did not end within its deadline; its worker was killed and replaced."""

    type, status, exit_code = "deadline-exceeded", 504, 75


class StorageFull(HermeticError):
    """The disk is full; nothing was changed."""

    type, status, exit_code = "storage-full", 507, 75


class Unreachable(HermeticError):
    """The other side does not answer: wrong address, not running, or a network in between."""

    type, status, exit_code = "unreachable", 502, 69


class TrustFailure(HermeticError):
    """The other side answered, and its certificate cannot be trusted."""

    type, status, exit_code = "trust-failure", 502, 77


class RefusedByIssuer(HermeticError):
    """An ACME server refuses what it was asked, and will again; the text has its own words."""

    type, status, exit_code = "refused-by-issuer", 502, 1

    def __init__(self, text: str, code: str = "", answered: int = 0) -> None:
        super().__init__(text)
        self.code, self.answered = code, answered
        """The last word of its problem's type (RFC 8555, 6.7), and its HTTP status."""


class HomeLocked(HermeticError):
    """Another instance runs in the same home."""

    type, status, exit_code = "home-locked", 503, 75


class BadConfiguration(HermeticError):
    """A setting, a file of ours or its permissions keep the command from starting."""

    type, status, exit_code = "bad-configuration", 500, 78

    def __init__(self, text: str, *, key: str = "") -> None:
        super().__init__(text)
        self.key = key
        """The setting at fault, as `Kestrel.Port`; empty if it is none."""
