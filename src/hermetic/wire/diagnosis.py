"""How a diagnosis looks on the wire."""

from hermetic.wire.messages import Message


class FindingMessage(Message):
    """One finding: its code, `pass`, `warn` or `fail`, where, what, and what mends it."""

    code: str
    level: str
    where: str
    text: str
    remedy: str


class DiagnosisResponse(Message):
    """What a web node found."""

    findings: list[FindingMessage]


class PeersResponse(Message):
    """The addresses of the other web nodes that live."""

    web_nodes: list[str]
