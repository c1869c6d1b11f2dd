"""Nodes whose clocks are five minutes off the authority's join, are called, and renew."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.joining import Own, network, node
from tests.support.product import environment, until
from tests.support.skewed import needs_faketime, off_by

pytestmark = [needs_faketime, pytest.mark.system]

FIVE = timedelta(minutes=5)
BODY = {
    "code": "answer = x * 2",
    "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
    "runtimeType": "Python",
}


def told_by(around: dict[str, str]) -> datetime:
    """Return what time it is for a Python with *around* in its environment."""
    asked = [sys.executable, "-c", "import time; print(time.time())"]
    done = subprocess.run(
        asked, env=environment(**around), capture_output=True, check=True, timeout=60
    )
    return datetime.fromtimestamp(float(done.stdout), UTC)


def wait_for_a_swap(one: Own) -> None:
    until(lambda: "certificate.swapped" in one.log)


def test_a_clock_that_is_five_minutes_off_is_borne_and_named(tmp_path: Path) -> None:
    behind, ahead = off_by(-FIVE), off_by(FIVE)
    assert told_by(behind) < datetime.now(UTC) - FIVE + timedelta(minutes=1)
    place = network()
    web = node("web", tmp_path / "web", {}, f"{place}.1")
    web.start()
    computes = []
    try:
        web.typed(
            "login", web.url, "--username", "admin", "--password-stdin", told="Sealed-4-tests\n"
        )
        for number, around in enumerate((behind, ahead), 2):
            address = f"{place}.{number}"
            pool = {"Pool": {"InitialSize": 1, "MaxSize": 2}}
            made = node("compute", tmp_path / f"compute-{number}", pool, address)
            made.around = around
            given = web.gives(address)
            made.typed("node", "join", web.url, told=given["token"])
            made.start()
            computes.append(made)
            web.typed("node", "add", made.url)
        until(lambda: {one["state"] for one in web.typed("node", "list")} == {"ready"})
        skews = sorted(one["clockAheadS"] for one in web.typed("node", "list"))
        assert [round(skew / 60) for skew in skews] == [-5, 5]
        with web.client(web.token()) as client:
            assert client.post("/services/double/1.0", json=BODY).status_code == 201
            for x in range(20):
                answer = client.post("/api/double/1.0", json={"x": x})
                assert answer.json()["outputParameters"] == {"answer": 2 * x}
        found = web.typed("diagnose")
        assert [one["code"] for one in found["findings"]].count("node.skewed") == 2
        for one in computes:
            before, _ = one.typed("certificate", "list")
            assert (before["entry"], before["role"]) == ("compute", "compute")
            assert before["source"] == f"ACME {web.url}/acme/directory"
            assert one.typed("certificate", "renew")["serial"] != before["serial"]
            wait_for_a_swap(one)
        listed = {one["entry"]: one["source"] for one in web.typed("certificate", "list")}
        assert listed["api"] == "our authority"
        assert set(listed) == {"api", "authentication", "front-end-storage", "token-signing"}
        until(lambda: {one["state"] for one in web.typed("node", "list")} == {"ready"})
    finally:
        for one in [*computes, web]:
            one.stop()
