"""What a web node finds wrong with itself and with the compute nodes behind it."""

from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.policy import may_administer
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.errors import NotPermitted
from hermetic.http.endpoint import Endpoint, json, principal_of
from hermetic.wire.diagnosis import DiagnosisResponse, FindingMessage, PeersResponse
from hermetic.wire.openapi import Operation


class DiagnosisApi:
    """Answers what `hermetic diagnose` asks."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        look = Operation(
            "GET",
            "/diagnosis",
            "getDiagnosis",
            "Looks at this web node and, from it, at every compute node; for Owners.",
            "Node",
            gives=DiagnosisResponse,
        )
        peers = Operation(
            "GET",
            "/diagnosis/peers",
            "getPeers",
            "Names the other web nodes that live, without a look at anything; for Owners.",
            "Node",
            gives=PeersResponse,
        )
        return [Endpoint(look, self._look), Endpoint(peers, self._peers)]

    async def _look(self, request: Request) -> Response:
        _permit(request)
        found = await self._diagnosis.look()
        return json(DiagnosisResponse(findings=[_told(one) for one in found]))

    async def _peers(self, request: Request) -> Response:
        _permit(request)
        return json(PeersResponse(web_nodes=list(self._diagnosis.peers())))


def _permit(request: Request) -> None:
    if not may_administer(principal_of(request)):
        raise NotPermitted("Only an Owner may look at what is behind a web node.")


def _told(one: Finding) -> FindingMessage:
    return FindingMessage(
        code=one.code, level=one.level.value, where=one.where, text=one.text, remedy=one.remedy
    )
