"""What is wrong with settings that can be read, before anything is looked at."""

from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.diagnostics.check import Finding
from hermetic.errors import HermeticError
from hermetic.wiring.entry import refuse_openness
from hermetic.wiring.unsealing import opened

AnySettings = Settings | WebSettings | ComputeSettings

_WHERE = "settings"


def said(home: Home, settings: AnySettings) -> list[Finding]:
    """Return what is wrong with settings that can be read."""
    try:
        if isinstance(settings, WebSettings):
            opened(home, settings)
        elif isinstance(settings, ComputeSettings):
            refuse_openness(settings)
    except HermeticError as error:
        return [Finding("settings.invalid", _WHERE, error.text, "hermetic settings check")]
    findings = []
    if not settings.kestrel.https_enabled:
        text = "Kestrel.HttpsEnabled is false: whatever comes and goes can be read on the way."
        remedy = "set Kestrel.HttpsEnabled to true"
        findings.append(Finding("settings.plain-http", _WHERE, text, remedy))
    if isinstance(settings, ComputeSettings) and is_open(settings):
        text = "ClientCertificate names nobody, so whoever reaches the node can let it run code."
        remedy = "set ClientCertificate.Issuer and .Subject"
        findings.append(Finding("settings.open-door", _WHERE, text, remedy))
    return findings or [Finding("settings.fine", _WHERE, "They can be meant.")]


def is_open(settings: ComputeSettings) -> bool:
    """Whether the settings of a compute node name nobody who may come in."""
    section = settings.client_certificate
    return section.enabled is False or not section.is_named
