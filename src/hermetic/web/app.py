"""The wiring of the web: which use case answers at which address."""

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from hermetic.errors import NotFound
from hermetic.fronts.proxies import Proxies
from hermetic.http.endpoint import Endpoint, routes
from hermetic.http.gate import Gate
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


def application(
    cases: UseCases,
    insight: Insight,
    *,
    version: str,
    limits: WireLimits | None = None,
    hsts: bytes | None = None,
    metrics_open: bool = False,
    proxies: Proxies | None = None,
) -> ASGIApp:
    """Return the ASGI application that answers everything but calls.

    *version* is the product's; *limits*, *hsts*, *metrics_open* and *proxies* as in the parts.
    """
    table = endpoints(
        cases, insight, version=version, limits=limits or WireLimits(), metrics_open=metrics_open
    )
    router = Router(routes(table), redirect_slashes=False, default=_nothing_here)
    operations = [one.operation for one in table]
    return Gate(
        router,
        operations,
        cases.access.authenticate,
        hsts,
        settle=cases.access.settle,
        proxies=proxies,
    )


def endpoints(
    cases: UseCases, insight: Insight, *, version: str, limits: WireLimits, metrics_open: bool
) -> list[Endpoint]:
    """Return the whole table of the API."""
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
    return [*table, *ManualApi([one.operation for one in table], version).endpoints()]


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("There is nothing at this address: /openapi.json lists what there is.")
