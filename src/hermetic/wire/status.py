"""The state of a node in the words of ML Server's `/status`."""

from collections.abc import Iterable

from hermetic.wire.messages import Status

PASS, WARN, FAIL = "pass", "warn", "fail"


def code(*, passed: bool) -> str:
    """Return the word for something that is well, or not."""
    return PASS if passed else FAIL


def worst(codes: Iterable[str]) -> str:
    """Return the worst of *codes*; `pass` if there is none."""
    found = set(codes)
    return next((one for one in (FAIL, WARN) if one in found), PASS)


def leaf(status_code: str, **details: str | int) -> Status:
    """Return a part that has no parts."""
    return Status(status_code=status_code, components=None, details=details)


def whole(components: dict[str, Status], *, status_code: str = "", **details: str | int) -> Status:
    """Return something made of *components*, as well as the worst of them unless told otherwise."""
    return Status(
        status_code=status_code or worst(one.status_code for one in components.values()),
        components=components,
        details=details,
    )


def pool(status_code: str, *, most: int, busy: int, workers: int, **details: str | int) -> Status:
    """Return the interpreters of one compute node."""
    return leaf(
        status_code,
        pythonMaxPoolSize=most,
        pythonActiveShellCount=busy,
        pythonCurrentPoolSize=workers,
        pythonCanOpenShell=str(busy < most),
        apiVersion="1.0",
        logPath="",
        **details,
    )
