"""What our own command is told of the face of Azure ML."""

from hermetic.wire.messages import Message


class AzureMlEnvironment(Message):
    """What a client needs to act for whoever asked.

    `authority` is in PEM; `names` are host names that should lead to `address`.
    """

    variables: dict[str, str]
    config: dict[str, str]
    authority: str
    names: list[str]
    address: str

    def __repr__(self) -> str:
        return "AzureMlEnvironment(…)"
