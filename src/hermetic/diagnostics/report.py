"""A diagnosis as a program reads it, and as a person does."""

from collections.abc import Iterable, Sequence

from hermetic.diagnostics.check import Finding, Level, worst

_ORDER = {Level.FAIL: 0, Level.WARN: 1, Level.PASS: 2}


def in_json(findings: Sequence[Finding]) -> dict[str, object]:
    """Return it as a document."""
    return {
        "statusCode": worst(findings).value,
        "findings": [
            {
                "code": one.code,
                "level": one.level.value,
                "where": one.where,
                "text": one.text,
                "remedy": one.remedy,
            }
            for one in sorted_by_gravity(findings)
        ],
    }


def sorted_by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """Return what fails first, then what is to be looked into, then what is well."""
    return sorted(findings, key=lambda one: _ORDER[one.level])


def summary(findings: Sequence[Finding]) -> str:
    """Return one sentence about all of it."""
    count = {level: sum(one.level is level for one in findings) for level in Level}
    if not count[Level.FAIL] and not count[Level.WARN]:
        return f"All is well: {count[Level.PASS]} checks passed."
    return (
        f"{count[Level.FAIL]} failed, {count[Level.WARN]} to look into, {count[Level.PASS]} passed."
    )
