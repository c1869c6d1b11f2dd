"""Web nodes from outside, where something else answers than should."""

from datetime import UTC, datetime

from hermetic.diagnostics.webs import Outside, look
from hermetic.tls.contexts import TlsProfile, client_context
from tests.support.certificates import hierarchy
from tests.support.hops import presenting, serving

OURS = hierarchy()
NOW = datetime.now(UTC)


def outside(token: str | None = "token") -> Outside:
    context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
    return Outside(context, lambda _certificates, _name: None, token)


async def test_whoever_answers_no_diagnosis_is_no_web_node_that_is_ready() -> None:
    async with serving(presenting(OURS.issue())) as port:
        found = await look(f"https://localhost:{port}", outside(), NOW)
    assert [one.code for one in found] == ["hop.sealed", "web.ready", "web.not-ready"]


async def test_without_a_token_what_is_behind_is_not_looked_at() -> None:
    async with serving(presenting(OURS.issue())) as port:
        found = await look(f"https://localhost:{port}", outside(None), NOW)
    assert found[-1].code == "login.missing"


async def test_a_plain_address_is_looked_at_and_told() -> None:
    async with serving(None) as port:
        plain = Outside(None, lambda _certificates, _name: None, None)
        found = await look(f"http://localhost:{port}", plain, NOW)
    assert [one.code for one in found] == ["hop.plain-http", "web.ready", "login.missing"]
