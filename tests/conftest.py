"""What holds for every test: in CI a skip is a failure, and no variable of the caller leaks in."""

import os

import pytest

CALLERS = (
    "HERMETIC_HOME",
    "HERMETIC_URL",
    "HERMETIC_CA",
    "HERMETIC_TOKEN",
    "HERMETIC_PASSWORD",
    "HERMETIC_ADMIN_PASSWORD",
)


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_caller() -> None:
    for name in CALLERS:
        os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a CI run in which something was skipped: there every component can be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
