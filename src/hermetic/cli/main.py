"""The command `hermetic`: its nouns, and the border where an error becomes a sentence.

A noun's module is imported only when the noun is named, so that `hermetic --help` answers at
once; nothing heavier than click may be imported here.
"""

import os
import sys

import click

from hermetic.cli import output
from hermetic.cli.concealment import conceal, further_arguments
from hermetic.cli.deferring import deferring
from hermetic.errors import HermeticError

_NOUNS = {
    "up": ("hermetic.cli.up:up", "Start one box: web node, workers and certificates."),
    "login": ("hermetic.cli.login:login", "Log in to a node and remember the token."),
    "service": ("hermetic.cli.service:service", "Publish, show, call and delete services."),
    "node": (
        "hermetic.cli.node:node",
        "Run a node; list, add, remove, drain and restart compute nodes.",
    ),
    "diagnose": (
        "hermetic.cli.diagnose:diagnose",
        "Find what is wrong with nodes, hops and certificates.",
    ),
    "certificate": (
        "hermetic.cli.certificate:certificate",
        "List, renew, import and trust certificates.",
    ),
    "authority": (
        "hermetic.cli.authority:authority",
        "Show the web node's own authority, and replace its root.",
    ),
    "dns": ("hermetic.cli.dns:dns", "Check where names lead."),
    "frontend": ("hermetic.cli.frontend:frontend", "Set up what stands in front of nodes."),
    "user": ("hermetic.cli.user:user", "Change your password."),
    "az": (
        "hermetic.cli.az:az",
        "The command lines of ML Server and of Azure ML v1, as documented.",
    ),
    "azureml": ("hermetic.cli.azureml:azureml", "Let clients of Azure ML work with this one."),
    "settings": (
        "hermetic.cli.settings:settings",
        "Check and explain the settings and where they come from.",
    ),
}
_INTERRUPTED = 130
_BUG = 1


@click.group(cls=deferring(_NOUNS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hermetic", message="hermetic %(version)s")
def hermetic() -> None:
    """Self-hosted model serving in which every hop is sealed.

    Exit codes: 0 done, 1 failed or found, 2 usage, 65 bad data, 66 not found, 69 unavailable,
    75 try again, 77 not permitted, 78 bad configuration, 130 interrupted.
    """


def main() -> None:
    """Run the command line of this process and exit with its code."""
    conceal(sys.argv[1:])
    sys.exit(run([*sys.argv[1:], *further_arguments()]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; an error is one sentence on stderr."""
    try:
        ended = hermetic.main(arguments, prog_name="hermetic", standalone_mode=False)
    except HermeticError as error:
        output.fail(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not stumble over it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BUG
    except Exception as error:
        # The border of a command: a bug is told in a sentence, not shown raw.
        output.fail_unexpectedly(error)
        return _BUG
    return ended if isinstance(ended, int) else 0


if __name__ == "__main__":
    main()
