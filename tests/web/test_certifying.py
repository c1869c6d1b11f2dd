from hermetic.http.limits import WireLimits
from hermetic.web.certifying import certifying_endpoints
from tests.support.webnode import WebNode


async def test_administration_asks_for_a_token_and_acme_for_a_signature(web: WebNode) -> None:
    assert web.cases.certifying is not None
    table = [one.operation for one in certifying_endpoints(web.cases.certifying, WireLimits())]
    assert all(one.path.startswith("/acme/") for one in table if one.open)
    assert all(one.path.startswith(("/authority", "/enrolments")) for one in table if not one.open)
