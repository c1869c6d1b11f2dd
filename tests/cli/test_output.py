import json

import pytest

from hermetic.cli import output
from hermetic.errors import InputMismatch, Mismatch, ServiceUnloadable, WorkerDied

Captured = pytest.CaptureFixture[str]


def test_what_was_asked_for_goes_to_stdout_and_notes_beside_it(capsys: Captured) -> None:
    output.show("asked")
    output.note("beside")
    assert capsys.readouterr() == ("asked\n", "beside\n")


def test_json_is_one_line(capsys: Captured) -> None:
    output.show_json({"a": "b\nc", "d": "é"})
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == {"a": "b\nc", "d": "é"}


def test_columns_are_aligned(capsys: Captured) -> None:
    output.show_table(("name", "version"), [("a", "1"), ("longer", "2")], empty="")
    assert capsys.readouterr().out == "NAME    VERSION\na       1\nlonger  2\n"


def test_an_empty_table_is_a_sentence_on_stderr(capsys: Captured) -> None:
    output.show_table(("name",), [], empty="Nothing yet.")
    assert capsys.readouterr() == ("", "Nothing yet.\n")


def test_names_and_values_are_aligned(capsys: Captured) -> None:
    output.show_pairs([("a", "1"), ("long", "2")])
    assert capsys.readouterr().out == "a     1\nlong  2\n"


def test_text_from_the_other_side_cannot_drive_the_terminal(capsys: Captured) -> None:
    output.show("a\x1b]0;title\x07b\u202ec")
    output.show_table(("n",), [("x\x1b[2J\ny",)], empty="")
    shown = capsys.readouterr().out
    assert not any(char in shown for char in "\x1b\x07\u202e")
    assert "�[2J y" in shown


def test_json_does_not_drive_a_terminal_either(capsys: Captured) -> None:
    value = ["\x9b2J", "\u202e", "\ud800", "\U000e0001", "é"]
    output.show_json(value)
    shown = capsys.readouterr().out
    assert shown.strip().isprintable()
    assert json.loads(shown) == value
    assert "é" in shown


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (InputMismatch("No.", [Mismatch("/x", "is missing")]), "  /x: is missing"),
        (ServiceUnloadable("No.", "Traceback\n  line 1\n"), "  Traceback\n    line 1"),
        (WorkerDied("No.", -9, "last words"), "  last words"),
    ],
)
def test_an_error_brings_what_helps_to_mend_it(
    error: InputMismatch, detail: str, capsys: Captured
) -> None:
    output.fail(error)
    assert capsys.readouterr().err == f"hermetic: No.\n{detail}\n"
