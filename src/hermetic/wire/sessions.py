"""The bodies by which a web node and a compute node speak of sessions."""

from typing import Any

from hermetic.wire.messages import Message


class OpenHosted(Message):
    """Opens a session of a runtime."""

    runtime_type: str


class SessionIds(Message):
    """Some sessions, by their ids."""

    ids: list[str]


class HostedExecution(Message):
    """Code to run in a session, with what to put in before and what to give back."""

    code: str
    inputs: dict[str, Any]
    outputs: list[str]

    def __repr__(self) -> str:
        return "HostedExecution(…)"
