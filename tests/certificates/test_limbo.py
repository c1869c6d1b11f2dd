"""Our verification against x509-limbo, the public test suite for chains (C2SP/x509-limbo).

The suite is not part of this project.  It is found through `X509_LIMBO`, or beside the checkout
as `../shared/data/x509-limbo.json`; without it these tests are skipped.
"""

import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import LONGEST_PATH, verify
from hermetic.errors import BadInput

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "x509-limbo.json"
SUITE = Path(os.environ.get("X509_LIMBO") or BESIDE)

AT = datetime(2026, 6, 1, tzinfo=UTC)
"""When a case that names no time is judged; all of those live until 2969."""

REFUSED = {
    "cve::cve-2024-0567": (
        "A root that another has signed must say with which key; rfc5280::aki::"
        "cross-signed-root-missing-aki asks to refuse the same."
    ),
    "pathlen::validation-ignores-pathlen-in-leaf": (
        "An authority cannot stand for a server; webpki::ca-as-leaf asks to refuse the same."
    ),
    "rfc5280::ca-as-leaf": (
        "An authority cannot stand for a server; webpki::ca-as-leaf asks to refuse the same."
    ),
    "rfc5280::eku::ee-without-eku": (
        "Each role asks for its purpose; webpki::eku::ee-without-eku asks to refuse the same."
    ),
    "webpki::nc::permitted-dns-match-noncritical": (
        "Name constraints must be critical; rfc5280::nc::permitted-dns-match-noncritical asks to"
        " refuse the same."
    ),
}
"""Cases that should be accepted and are not, and why: the suite contradicts itself in each."""

NOT_COVERED = {
    "webpki::san::public-suffix-multi-label-wildcard-san": (
        "There is no list of public suffixes: it is refused for its common name alone."
    ),
    "webpki::san::public-suffix-private-namespace-wildcard-san": (
        "There is no list of public suffixes: it is refused for its common name alone."
    ),
}
"""Cases that come out right for a reason that is not theirs."""

pytestmark = [
    pytest.mark.skipif(
        not SUITE.is_file(), reason=f"x509-limbo is not at {SUITE}: set X509_LIMBO to its place"
    ),
    # the suite holds certificates with such serial numbers, in order to have them refused
    pytest.mark.filterwarnings("ignore:Parsed a serial number:UserWarning"),
]


@dataclass(frozen=True)
class Verdict:
    """What became of one case: `reason` is empty if it was accepted."""

    expected: bool
    reason: str
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.expected == (not self.reason)


@cache
def cases() -> dict[str, dict[str, Any]]:
    if not SUITE.is_file():
        return {}
    return {one["id"]: one for one in json.loads(SUITE.read_text("utf-8"))["testcases"]}


def judge(case: dict[str, Any]) -> Verdict:
    name, depth = case["expected_peer_name"], case["max_chain_depth"]
    start = time.process_time()
    try:
        verify(
            [load(case["peer_certificate"]), *map(load, case["untrusted_intermediates"])],
            roots=map(load, case["trusted_certs"]),
            at=datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else AT,
            name=name["value"] if name else None,
            purpose=Role.API if case["validation_kind"] == "SERVER" else Role.AUTHENTICATION,
            revocations=Revocations([x509.load_pem_x509_crl(one.encode()) for one in case["crls"]]),
            longest=LONGEST_PATH if depth is None else depth,
        )
        reason = ""
    except BadInput as error:
        reason = error.text
    return Verdict(case["expected_result"] == "SUCCESS", reason, time.process_time() - start)


def load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("case", sorted(cases().keys() - REFUSED.keys()))
def test_a_case_is_judged_as_the_suite_says(case: str) -> None:
    verdict = judge(cases()[case])
    assert verdict.is_right, verdict.reason or f"accepted: {cases()[case]['description']}"


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_case_the_suite_contradicts_is_refused(case: str) -> None:
    assert judge(cases()[case]).reason


@pytest.mark.parametrize("case", sorted(one for one in cases() if one.startswith("pathological::")))
def test_a_pathological_case_takes_little_time_and_memory(case: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert judge(cases()[case]).seconds < 0.25
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


def test_the_tables_name_cases_of_the_suite() -> None:
    assert (REFUSED.keys() | NOT_COVERED.keys()) <= cases().keys()


def test_the_score_is_what_we_claim(show: Callable[[str], None]) -> None:
    verdicts = {name: judge(case) for name, case in cases().items()}
    right = Counter(name.split("::")[0] for name, one in verdicts.items() if one.is_right)
    total = Counter(name.split("::")[0] for name in verdicts)
    accepted = [name for name, one in verdicts.items() if not (one.is_right or one.reason)]
    refused = [name for name, one in verdicts.items() if not one.is_right and one.reason]
    show(
        f"x509-limbo: {right.total()} of {total.total()} right, {len(accepted)} wrongly accepted,"
        f" {len(refused)} wrongly refused: "
        + ", ".join(f"{group} {right[group]} of {total[group]}" for group in total)
    )
    for name, why in {name: REFUSED.get(name, "?") for name in refused}.items():
        show(f"  refused: {name}: {why}")
    for name, why in NOT_COVERED.items():
        show(f"  not covered: {name}: {why}")
    assert accepted == []
    assert sorted(refused) == sorted(REFUSED)
    assert right.total() >= 198
