"""What holds for every test: in CI a skip is a failure, and no variable of the caller leaks in."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from structlog.contextvars import clear_contextvars

from hermetic.database.connection_string import ConnectionParameters
from tests.support.postgresql import Cluster, shared

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


@pytest.fixture(autouse=True, scope="session")
def _removable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Open the folders of the run at its end: pytest removes them later, maybe not as root."""
    yield
    for folder, names, _ in os.walk(tmp_path_factory.getbasetemp()):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)


@pytest.fixture(autouse=True)
def _where_events_go() -> Iterator[None]:
    """Undo what a test, or a node that it ran, made of the logging."""
    before = structlog.get_config()
    yield
    clear_contextvars()
    structlog.configure(**before)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL, the same for all processes of the run."""
    mine = tmp_path_factory.getbasetemp()
    with shared(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) as cluster:
        yield cluster


@pytest.fixture
def reach(postgresql: Cluster) -> Iterator[ConnectionParameters]:
    """How an empty database of the test's own is reached."""
    with postgresql.database() as reach:
        yield reach


FIGURE, JUDGED = "figure", "judged"
figures: list[str] = []
judged: Counter[str] = Counter()


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what prints a measured figure below the run's summary."""
    return lambda line: record_property(FIGURE, line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test say along with its outcome what it counts for, also from another process."""
    for item in items:
        marker = item.get_closest_marker(JUDGED)
        if marker is not None:
            item.user_properties.append((JUDGED, marker.args[0]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather what tests measured and count for, in the process that prints it."""
    if report.when == "call" and report.passed:
        for name, value in report.user_properties:
            if name == FIGURE:
                figures.append(str(value))
            elif name == JUDGED:
                judged[str(value)] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests measured; none of them is judged by its time."""
    for what, count in sorted(judged.items()):
        terminalreporter.write_line(f"{what}: {count} as they should be")
    for line in figures:
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a CI run in which something was skipped: there every component can be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
