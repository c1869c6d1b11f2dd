"""Commands that are loaded when they are named."""

import click
import pytest

from hermetic.cli import main
from hermetic.cli.deferring import deferring
from hermetic.errors import BadConfiguration

ELSEWHERE = {
    "later": ("hermetic.cli.settings:settings", "Is loaded when it is named."),
    "broken": ("no_such_library:command", "Needs what is not there."),
    "lost": ("hermetic.cli.nowhere:command", "Is not there itself."),
}


@click.group(cls=deferring(ELSEWHERE))
def group() -> None:
    """A group."""


@group.command()
def now() -> None:
    """Is at hand."""


def test_all_commands_are_known_and_one_is_loaded_when_it_is_named() -> None:
    context = click.Context(group, info_name="tried")
    assert group.list_commands(context) == ["now", "later", "broken", "lost"]
    assert group.get_command(context, "now") is now
    found = group.get_command(context, "later")
    assert found is not None
    assert found.name == "settings"
    assert group.get_command(context, "never") is None


def test_help_loads_nothing() -> None:
    shown = group.get_help(click.Context(group, info_name="tried"))
    assert "now     Is at hand." in shown
    assert "lost    Is not there itself." in shown


def test_what_is_missing_is_named_with_the_command() -> None:
    context = click.Context(group, info_name="tried")
    with pytest.raises(BadConfiguration, match="`tried broken` needs no_such_library"):
        group.get_command(context, "broken")


def test_a_module_of_ours_that_is_missing_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError):
        group.get_command(click.Context(group), "lost")


@pytest.mark.parametrize("command", ["import", "export", "remove", "trust", "untrust"])
def test_what_works_on_the_stores_is_found_below_certificate(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["certificate", command, "--help"]) == 0
    assert f"Usage: hermetic certificate {command}" in capsys.readouterr().out
