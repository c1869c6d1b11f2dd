"""What a judge from outside says of a real listener: compliant with Mozilla's profiles."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.signing import BACKDATE
from hermetic.clock import system_clock
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import DAY, Hierarchy
from tests.support.listening import Port, listen
from tests.support.sslyze import MODERN_6_0, judge

pytestmark = [pytest.mark.slow, pytest.mark.system]


@asynccontextmanager
async def serving(
    authority: Hierarchy, profile: TlsProfile, life: timedelta = DAY
) -> AsyncIterator[Port]:
    """Serve a leaf of that life on a port."""
    # From now, not from the start of the session: sslyze has a clock of its own.
    credential = authority.issue(now=system_clock(), life=life)
    port = await listen(SwappingContext(credential, clock=system_clock, profile=profile).base)
    yield port
    port.listener.close()
    await port.listener.wait_closed()


@asynccontextmanager
async def between_nodes(authority: Hierarchy) -> AsyncIterator[Port]:
    """Serve on a port where a certificate must be shown."""
    context = SwappingContext(
        authority.issue(now=system_clock()),
        clock=system_clock,
        profile=TlsProfile.MODERN,
        client_roots=authority.root_pem,
    )
    port = await listen(context.base)
    yield port
    port.listener.close()
    await port.listener.wait_closed()


@pytest.fixture
def guideline(tmp_path: Path) -> Path:
    """Return the file of a guideline that sslyze does not bring."""
    path = tmp_path / "6.0.json"
    path.write_text(json.dumps(MODERN_6_0))
    return path


@pytest.fixture
def ca(tmp_path: Path, authority: Hierarchy) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.root_pem)
    return path


@pytest.mark.parametrize("life", [DAY, 90 * DAY - BACKDATE], ids=["a day", "ninety days"])
@pytest.mark.parametrize("profile", TlsProfile)
async def test_each_profile_is_compliant(
    authority: Hierarchy, ca: Path, profile: TlsProfile, life: timedelta
) -> None:
    async with serving(authority, profile, life) as port:
        verdict = await judge(port.number, profile, ca)
    assert verdict.compliant, verdict.text


# As a stranger: with a certificate to show, sslyze breaks off at its own SSL 2.
@pytest.mark.parametrize("version", ["5.7", "6.0"])
async def test_a_listener_between_nodes_is_compliant(
    authority: Hierarchy, ca: Path, guideline: Path, version: str
) -> None:
    profile = guideline if version == "6.0" else TlsProfile.MODERN
    async with between_nodes(authority) as port:
        verdict = await judge(port.number, profile, ca)
    assert verdict.compliant, verdict.text


async def test_intermediate_is_not_modern(authority: Hierarchy, ca: Path) -> None:
    async with serving(authority, TlsProfile.INTERMEDIATE) as port:
        verdict = await judge(port.number, TlsProfile.MODERN, ca)
    assert not verdict.compliant
    assert "TLSv1.2" in verdict.text


async def test_intermediate_is_not_modern_by_the_next_guideline_either(
    authority: Hierarchy, ca: Path, guideline: Path
) -> None:
    async with serving(authority, TlsProfile.INTERMEDIATE) as port:
        verdict = await judge(port.number, guideline, ca)
    assert not verdict.compliant
    assert "TLSv1.2" in verdict.text
