"""Findings as a person reads them, what is worst first."""

from collections.abc import Sequence

from hermetic.cli import output
from hermetic.diagnostics import report
from hermetic.diagnostics.check import Finding, Level

_COLOURS = {Level.FAIL: "red", Level.WARN: "yellow", Level.PASS: "green"}


def show(findings: Sequence[Finding]) -> None:
    """Print each with its cause, and the command that mends it."""
    for one in report.sorted_by_gravity(findings):
        output.show_finding(one.level.value, _COLOURS[one.level], one.code, one.where)
        output.show(f"      {one.text}")
        if one.remedy and one.level is not Level.PASS:
            output.show(f"      mend: {one.remedy}")
