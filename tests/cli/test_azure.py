"""What all old commands share: forms of results, options, secrets."""

import json

import click
import pytest
from click.testing import CliRunner

from hermetic.cli.azure import local, printed, secret
from hermetic.cli.querying import query_of
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


@pytest.mark.parametrize(
    ("query", "form", "told"),
    [
        ("[0].node", "tsv", "webnode\n"),
        ("[0].node", "json", '"webnode"\n'),
        ("[?running].node", "tsv", "webnode\n"),
        ("[].[node, running]", "tsv", "webnode\ttrue\ncomputenode\tfalse\n"),
        ("[].[node]", "table", "COLUMN1\nwebnode\ncomputenode\n"),
        ("[9]", "tsv", ""),
    ],
)
def test_a_query_says_what_is_printed(query: str, form: str, told: str) -> None:
    done = CliRunner().invoke(nodes, ["--query", query, "-o", form])
    assert (done.exit_code, done.output) == (0, told)


def test_nothing_is_done_for_a_query_that_is_none() -> None:
    done: list[Home] = []

    @click.command()
    @local
    def act(home: Home) -> None:
        done.append(home)

    assert CliRunner().invoke(act, ["--query", "["]).exit_code == 2
    assert done == []
    assert CliRunner().invoke(act, ["--query", "a"]).exit_code == 0
    assert len(done) == 1


def test_a_result_that_failed_failed_whatever_is_asked_of_it(capsys: Captured) -> None:
    assert printed({"statusCode": "fail", "a": 1}, "json", query_of("a")) == 1
    assert capsys.readouterr().out == "1\n"


def test_a_secret_and_its_confirmation_must_agree() -> None:
    assert secret("a", "What", confirmation="a") == "a"
    with pytest.raises(BadInput, match="differ"):
        secret("a", "What", confirmation="b")
