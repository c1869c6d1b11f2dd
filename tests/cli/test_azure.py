"""What all old commands share: forms of results, options, secrets."""

import json

import click
import pytest
from click.testing import CliRunner

from hermetic.cli.azure import local, printed, secret
from hermetic.config.home import Home
from hermetic.errors import BadInput

Captured = pytest.CaptureFixture[str]
ROWS = [{"node": "webnode", "running": True}, {"node": "computenode", "running": False}]


@click.command()
@local
def nodes(home: Home) -> list[dict[str, object]]:
    return [*ROWS]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("json", json.dumps(ROWS, indent=2) + "\n"),
        ("jsonc", json.dumps(ROWS, indent=2) + "\n"),
        ("tsv", "webnode\ttrue\ncomputenode\tfalse\n"),
        ("table", "NODE         RUNNING\nwebnode      true\ncomputenode  false\n"),
    ],
)
def test_a_result_is_printed_in_every_form(form: str, told: str) -> None:
    done = CliRunner().invoke(nodes, ["--output", form, "--verbose", "--debug"])
    assert done.output == told


def test_one_value_is_a_row(capsys: Captured) -> None:
    assert printed("sealed", "table") == 0
    assert capsys.readouterr().out == "RESULT\nsealed\n"


def test_a_result_that_says_it_failed_ends_with_1(capsys: Captured) -> None:
    assert printed({"statusCode": "fail"}, "json") == 1
    assert printed({"statusCode": "warn"}, "json") == 0


def test_a_query_is_refused_with_what_to_do() -> None:
    done = CliRunner().invoke(nodes, ["--query", "[0]"])
    assert done.exit_code == 2
    assert "jq" in done.output


def test_a_secret_and_its_confirmation_must_agree() -> None:
    assert secret("a", "What", confirmation="a") == "a"
    with pytest.raises(BadInput, match="differ"):
        secret("a", "What", confirmation="b")
