"""What a web node finds wrong with itself and with the compute nodes behind it."""

from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.policy import may_administer
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.errors import NotPermitted
from hermetic.http.endpoint import Endpoint, json, principal_of
from hermetic.wire.diagnosis import DiagnosisResponse, FindingMessage
from hermetic.wire.openapi import Operation


class DiagnosisApi:
    """Answers what `hermetic diagnose` asks."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        operation = Operation(
            "GET",
            "/diagnosis",
            "getDiagnosis",
            "Looks at this web node and, from it, at every compute node; for Owners.",
            "Node",
            gives=DiagnosisResponse,
        )
        return [Endpoint(operation, self._look)]

    async def _look(self, request: Request) -> Response:
        if not may_administer(principal_of(request)):
            raise NotPermitted("Only an Owner may look at what is behind a web node.")
        found = await self._diagnosis.look()
        peers = list(self._diagnosis.peers())
        return json(DiagnosisResponse(findings=[_told(one) for one in found], web_nodes=peers))


def _told(one: Finding) -> FindingMessage:
    return FindingMessage(
        code=one.code, level=one.level.value, where=one.where, text=one.text, remedy=one.remedy
    )
