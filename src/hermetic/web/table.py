"""The whole table of the API: every operation, and what answers it."""

from hermetic.http.endpoint import Endpoint
from hermetic.http.limits import WireLimits
from hermetic.http.status import StatusApi
from hermetic.web.api.certificates import CertificatesApi
from hermetic.web.api.diagnosis import DiagnosisApi
from hermetic.web.api.login import LoginApi
from hermetic.web.api.manual import ManualApi
from hermetic.web.api.nodes import NodesApi
from hermetic.web.api.services import ServicesApi
from hermetic.web.api.sessions import SessionsApi
from hermetic.web.api.snapshots import SnapshotsApi
from hermetic.web.cases import Insight, UseCases
from hermetic.web.certifying import certifying_endpoints


def endpoints(
    cases: UseCases, insight: Insight, *, version: str, limits: WireLimits, metrics_open: bool
) -> list[Endpoint]:
    """Return the whole table of the API; what there is no use case for is not in it."""
    certifying = cases.certifying
    table = [
        *LoginApi(cases.access, cases.accounts, limits).endpoints(),
        *ServicesApi(cases.publishing, limits).endpoints(),
        *SessionsApi(cases.sessions, limits).endpoints(),
        *SnapshotsApi(cases.snapshots).endpoints(),
        *CertificatesApi(cases.certification).endpoints(),
        *(NodesApi(cases.enrolment, limits).endpoints() if cases.enrolment else ()),
        *(DiagnosisApi(cases.diagnosis).endpoints() if cases.diagnosis else ()),
        *StatusApi(
            insight.health, insight.metrics, insight.standing, metrics_open=metrics_open
        ).endpoints(),
    ]
    if certifying is not None:
        table += certifying_endpoints(certifying, limits)
    return [*table, *ManualApi([one.operation for one in table], version).endpoints()]
