"""What workers are told, and what their refusals become."""

import json
import os
from pathlib import Path

import pytest

from hermetic.compute.limits import Limits
from hermetic.compute.orders import Orders, refusal, user_for
from hermetic.compute.worker import error_json
from hermetic.errors import (
    BadInput,
    HermeticError,
    InputMismatch,
    MalformedBody,
    Mismatch,
    NotFound,
)
from hermetic.serving.service import Entry
from tests.compute.conftest import Rig


@pytest.mark.parametrize("kind", [BadInput, MalformedBody, NotFound, HermeticError])
def test_a_refusal_comes_back_as_the_class_it_was(kind: type[HermeticError]) -> None:
    found = refusal(error_json(kind("A sentence.")))
    assert type(found) is kind
    assert found.text == "A sentence."


def test_a_mismatch_comes_back_with_its_places() -> None:
    sent = InputMismatch("No.", [Mismatch("/x", "Not a number.")])
    found = refusal(error_json(sent))
    assert isinstance(found, InputMismatch)
    assert found.mismatches == sent.mismatches


@pytest.mark.parametrize(
    "payload",
    [
        b"garbage",
        b"\xff",
        b"[]",
        b"{}",
        b'{"text": "a"}',
        b"[" * 100_000,
        b'{"text": "a", "type": "input-mismatch"}',
        b'{"text": "a", "type": "input-mismatch", "errors": [1]}',
    ],
    ids=range(8),
)
def test_what_only_code_of_a_service_can_have_sent_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedBody, match="worker"):
        refusal(payload)


async def test_an_order_grants_the_bundle_and_the_workers_own_folder(rig: Rig) -> None:
    orders = Orders(Limits(), [Path("/opt/models")], rig.home)
    bundle, folder = rig.bundle({}), rig.home / "work" / "7"
    (folder / "home").mkdir(parents=True)
    told = json.loads(orders.service(rig.service(Entry(code="1")), bundle, 7, folder))
    assert told["own"] == [str(folder)]
    assert told["readable"] == ["/opt/models", str(bundle)]
    assert told["hidden"] == str(rig.home)
    assert told["uid"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_worker_of_root_has_a_user_of_its_own_where_that_can_reach_all(tmp_path: Path) -> None:
    assert user_for(3, [Path("/usr")]) == 61187
    tmp_path.chmod(0o700)
    assert user_for(3, [tmp_path]) is None
