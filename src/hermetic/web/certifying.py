"""The addresses of our authority: for those who administer it, and for ACME clients."""

from hermetic.clock import system_clock
from hermetic.http.endpoint import Endpoint
from hermetic.http.limits import WireLimits
from hermetic.web.acme.api import Acme, AcmeApi
from hermetic.web.api.authority import AuthorityApi
from hermetic.web.api.enrolments import EnrolmentsApi


def certifying_endpoints(acme: Acme, limits: WireLimits) -> list[Endpoint]:
    """Return what can be asked of the authority."""
    return [
        *EnrolmentsApi(acme.joining, limits, system_clock).endpoints(),
        *AuthorityApi(acme.replacing, limits).endpoints(),
        *AcmeApi(acme).endpoints(),
    ]
