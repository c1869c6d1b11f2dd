"""What the retired client deployed is still there after the product was stopped or killed."""

import signal
from pathlib import Path

import pytest

from tests.support import product as products
from tests.support.product import PASSWORD
from tests.support.retired_client import RetiredClient

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_06_a_service_answers_after_a_restart(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    first = products.start(home)
    with RetiredClient(first) as client:
        client.play("login", password=PASSWORD)
        client.play("deploy_add")
    first.stop(how=how)
    second = products.start(home)
    with RetiredClient(second) as client:
        client.play("login", password=PASSWORD)
        assert client.play("consume_add", x=1.0, y=2.0)["outputs"]["answer"] == 23.5
    assert second.stop() == 0
