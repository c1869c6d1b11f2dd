"""Certificates of front ends among those of the node: shown by name, and counted down."""

from collections.abc import Mapping
from dataclasses import replace

from hermetic.certificates.roles import Role
from hermetic.config.azureml import AzureMl
from hermetic.config.sections import Certificates
from hermetic.gateway.certification import Kept
from hermetic.gateway.frontends import FrontEnds
from hermetic.serving.frontend import TlsState
from hermetic.wiring.own import OWN
from hermetic.wiring.sealing import Sealing

STORAGE = "storage"
"""The front end that files are sent to; our own authority certifies it, whoever does the others."""
_PREFIX = "front-end-"


def source_of(section: AzureMl, certificates: Certificates) -> str:
    """Return who certifies names of front ends, in words for a person."""
    if not section.is_by_acme:
        return OWN
    return ", else ".join(f"ACME {one.directory}" for one in certificates.acme_servers)


def with_front_ends_shown(sealing: Sealing, front_ends: FrontEnds, issuer: str) -> Sealing:
    """Return *sealing* that also shows *front_ends*; *issuer* is who certifies names of ours."""
    before = sealing.certification.more
    sealing.certification.more = lambda: {**before(), **_kept(front_ends, issuer)}
    clock, further = sealing.clock, sealing.further

    def seconds_left() -> dict[str, float]:
        now, left = clock(), further()
        for one in front_ends.all():
            if one.credential is not None:
                ends = one.credential.chain.not_after
                left[f"{_PREFIX}{one.name}"] = (ends - now).total_seconds()
        return left

    return replace(sealing, further=seconds_left)


def _kept(front_ends: FrontEnds, issuer: str) -> Mapping[str, Kept]:
    sources = {TlsState.AUTO: issuer, TlsState.ENABLED: "its owner"}
    return {
        f"{_PREFIX}{one.name}": Kept(
            Role.API.value,
            OWN if one.name == STORAGE else sources[one.tls.state],
            chain=one.credential.chain,
            names=(one.tls.host,),
            trouble=front_ends.trouble(one.name),
        )
        for one in front_ends.all()
        if one.credential is not None
    }
