import json
import os
import subprocess
import sys

import pytest

from hermetic.cli.concealment import revealed

# Conceals what it was given, then shows what anybody could read, and what was handed over.
PROGRAM = """
import sys
from pathlib import Path
from hermetic.cli.concealment import conceal, revealed
conceal(sys.argv[1:])
print(Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes())
print(repr(revealed()), sys.argv[1:])
"""


def started(*arguments: str, **variables: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    public, handed = done.stdout.splitlines()
    return public, handed


@pytest.mark.parametrize(
    "option", [["--admin-password", "S3cret-word"], ["--admin-password=S3cret-word"]]
)
def test_a_password_on_the_command_line_is_handed_over_unseen(option: list[str]) -> None:
    public, handed = started("up", "--json", *option, "--port", "0")
    assert "S3cret-word" not in public
    assert handed == "'S3cret-word' ['up', '--json', '--port', '0']"


def test_a_password_in_the_environment_is_handed_over_unseen() -> None:
    public, handed = started("up", HERMETIC_ADMIN_PASSWORD="S3cret-word")
    assert "S3cret-word" not in public
    assert handed == "'S3cret-word' ['up']"


def test_the_option_wins_and_neither_is_seen() -> None:
    public, handed = started("up", "--admin-password", "One-1", HERMETIC_ADMIN_PASSWORD="Two-2")
    assert "One-1" not in public
    assert "Two-2" not in public
    assert handed.startswith("'One-1'")


def test_without_a_password_and_for_other_commands_nothing_is_started_again() -> None:
    assert started("up", "--admin-password")[1] == "None ['up', '--admin-password']"
    assert started("login", HERMETIC_ADMIN_PASSWORD="x")[1] == "None ['login']"


@pytest.mark.parametrize("descriptor", ["", "x", "-1", "9999"])
def test_a_descriptor_that_is_none_hands_over_nothing(
    descriptor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC_ADMIN_PASSWORD_FD", descriptor)
    assert revealed() is None


# As above, for the old commands: what the command line is in the end, and what of it was seen.
OLD = """
import json, sys
from pathlib import Path
from hermetic.cli.concealment import conceal, further_arguments
conceal(sys.argv[1:])
print(Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes())
print(json.dumps([*sys.argv[1:], *further_arguments()]))
"""


def typed(*arguments: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", OLD, *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    public, line = done.stdout.splitlines()
    return public, json.loads(line)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["-p", "S3cret-word"], "S3cret-word"),
        (["-pS3cret-word"], "S3cret-word"),
        (["-p=S3cret-word"], "=S3cret-word"),  # as click reads a short option
        (["--password", "S3cret-word"], "S3cret-word"),
        (["--password=S3cret-word"], "S3cret-word"),
    ],
)
def test_the_password_of_an_old_login_is_not_seen_however_it_is_typed(
    words: list[str], value: str
) -> None:
    public, line = typed("az", "login", *words, "--mls")
    assert "S3cret-word" not in public
    assert line == ["az", "login", "--mls", f"--password={value}"]


def test_several_secrets_of_any_length_are_handed_over_whole() -> None:
    long = "s3cret" * 10_000
    words = ["--old-password", "-starts-with-a-dash", f"--secret={long}", "--new-password", ""]
    public, line = typed("az", "ml", "admin", *words)
    assert "s3cret" not in public
    assert "starts-with" not in public
    told = ["--old-password=-starts-with-a-dash", f"--secret={long}", "--new-password="]
    assert line == ["az", "ml", "admin", *told]


@pytest.mark.parametrize("words", [["-s", "S3cret"], ["-sS3cret"], ["--set-key", "S3cret"]])
def test_a_key_that_is_set_is_not_seen(words: list[str]) -> None:
    public, line = typed("az", "ml", "service", "regen-key", *words)
    assert "S3cret" not in public
    assert line == ["az", "ml", "service", "regen-key", "--set-key=S3cret"]


@pytest.mark.parametrize(
    "words",
    [
        ["model", "register", "-p", "model.pkl"],
        ["computetarget", "create", "aks", "-s", "Standard_D3"],
    ],
)
def test_one_letter_means_what_the_command_says(words: list[str]) -> None:
    assert typed("az", "ml", *words)[1] == ["az", "ml", *words]


def test_an_option_without_its_value_and_other_words_stay() -> None:
    words = ["az", "ml", "admin", "port", "list", "--output", "table", "--secret"]
    assert typed(*words)[1] == words
