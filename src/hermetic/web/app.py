"""The wiring of the web: which use case answers at which address."""

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from hermetic.errors import NotFound
from hermetic.fronts.proxies import Proxies
from hermetic.http.endpoint import routes
from hermetic.http.gate import Gate, opened_by
from hermetic.http.limits import WireLimits
from hermetic.web.cases import Insight, UseCases
from hermetic.web.table import endpoints


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
        opened_by(operations),
        cases.access.authenticate,
        hsts,
        settle=cases.access.settle,
        proxies=proxies,
    )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("There is nothing at this address: /openapi.json lists what there is.")
