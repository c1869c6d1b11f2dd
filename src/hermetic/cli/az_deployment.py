"""What the v1 extension tells of a deployment, and what the control plane takes of it.

A table says which option, and which key of a configuration file, is which member on the wire.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hermetic.cli.az_files import Json, read_object
from hermetic.cli.az_ml import either, pem, spaced
from hermetic.cli.connection import Command
from hermetic.errors import BadInput


@dataclass(frozen=True)
class Told:
    """One option: its names, what it takes, and the member of a service that it is."""

    flags: tuple[str, ...]
    kind: type
    member: str
    help: str = "As documented."

    @property
    def name(self) -> str:
        """What click calls it."""
        return self.flags[0][2:].replace("-", "_")

    def option(self, command: Command) -> Command:
        """Give *command* the option."""
        if self.kind is bool:
            return either(self.flags[0], self.help, *self.flags[1:])(command)
        checked = spaced if self.kind is str else None
        return click.option(*self.flags, type=self.kind, callback=checked, help=self.help)(command)


_RESOURCES, _SCALER = "containerResourceRequirements", "autoScaler"
_PROBES = "livenessProbeRequirements"
TABLE = (
    Told(("--cpu-cores", "--cc"), float, f"{_RESOURCES}/cpu"),
    Told(("--cpu-cores-limit", "--ccl"), float, f"{_RESOURCES}/cpuLimit"),
    Told(("--memory-gb", "--gb"), float, f"{_RESOURCES}/memoryInGB"),
    Told(("--memory-gb-limit", "--gbl"), float, f"{_RESOURCES}/memoryInGBLimit"),
    Told(("--gpu-cores", "--gc"), int, f"{_RESOURCES}/gpu"),
    Told(("--num-replicas", "--nr"), int, "numReplicas", "How many replicas there are."),
    Told(("--autoscale-enabled", "--as"), bool, f"{_SCALER}/autoscaleEnabled"),
    Told(("--autoscale-min-replicas", "--mi"), int, f"{_SCALER}/minReplicas"),
    Told(("--autoscale-max-replicas", "--ma"), int, f"{_SCALER}/maxReplicas"),
    Told(("--autoscale-refresh-seconds", "--ar"), int, f"{_SCALER}/refreshPeriodInSeconds"),
    Told(("--autoscale-target-utilization", "--at"), int, f"{_SCALER}/targetUtilization"),
    Told(("--replica-max-concurrent-requests", "--rm"), int, "maxConcurrentRequestsPerContainer"),
    Told(("--max-request-wait-time", "--mr"), int, "maxQueueWaitMs", "In ms, before 503."),
    Told(("--scoring-timeout-ms", "--tm"), int, "scoringTimeoutMs", "In ms, before 504."),
    Told(("--period-seconds", "--ps"), int, f"{_PROBES}/periodSeconds"),
    Told(("--initial-delay-seconds", "--id"), int, f"{_PROBES}/initialDelaySeconds"),
    Told(("--timeout-seconds", "--ts"), int, f"{_PROBES}/timeoutSeconds"),
    Told(("--success-threshold", "--st"), int, f"{_PROBES}/successThreshold"),
    Told(("--failure-threshold", "--ft"), int, f"{_PROBES}/failureThreshold"),
    Told(("--auth-enabled", "--ae"), bool, "authEnabled", "Whether callers show a key."),
    Told(("--token-auth-enabled",), bool, "aadAuthEnabled", "Whether callers show a token."),
    Told(("--enable-app-insights", "--ai"), bool, "appInsightsEnabled"),
    Told(("--collect-model-data", "--md"), bool, "dataCollection/storageEnabled"),
    Told(("--description",), str, "description"),
    Told(("--namespace",), str, "namespace"),
    Told(("--ssl-enabled", "--se"), bool, "sslEnabled", "Whether an ACI service has TLS."),
    Told(("--ssl-cname", "--sc"), str, "cname", "The name its certificate is for."),
    Told(("--ssl-cert-pem-file", "--sp"), Path, "sslCertificate", "Its certificate, PEM."),
    Told(("--ssl-key-pem-file", "--sk"), Path, "sslKey", "The key of that, PEM."),
)
_OF_A_FILE = {
    "tokenAuthEnabled": "aadAuthEnabled",
    "computeTargetName": "computeName",
    "gpuCores": f"{_RESOURCES}/gpu",
}


def with_table(command: Command) -> Command:
    """Give *command* all options of the table."""
    for one in reversed(TABLE):
        command = one.option(command)
    return command


def members_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Return what was told on the command line, by the members of a service on the wire."""
    found: dict[str, Any] = {}
    for one in TABLE:
        value = values.get(one.name)
        if value is not None:
            found[one.member] = pem(value) if isinstance(value, Path) else value
    return found


def members_in(path: Path) -> dict[str, Any]:
    """Return what a deployment configuration file tells, by the members of a service.

    Raises:
        BadInput: It is no object, or names no kind of compute.
    """
    told = read_object(path, "--deploy-config-file")
    if str(told.get("computeType", "")).lower() not in {"aci", "aks"}:
        raise BadInput(f"{path} says no computeType that is deployed to here: aci or aks.")
    found: dict[str, Any] = {}
    for name, value in told.items():
        if name in {"sslCertificate", "sslKey"} and value:
            value = pem(path.parent / str(value))  # noqa: PLW2901  # a path becomes its text
        found[_OF_A_FILE.get(name, name)] = value
    return found


def nested(members: Mapping[str, Any]) -> Json:
    """Return *members*, whose names may be paths, as one object."""
    made: Json = {}
    # A whole object first, then what changes a part of it.
    for member in sorted(members, key=lambda one: one.count("/")):
        *parents, last = member.split("/")
        place = made
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        place[last] = members[member]
    return made


def patch_of(members: Mapping[str, Any]) -> list[Json]:
    """Return the JSON patch that makes *members* of a service what they say."""
    return [
        {"op": "replace", "path": f"/{name}", "value": value} for name, value in members.items()
    ]


def pairs(words: Sequence[str]) -> dict[str, str]:
    """Return `KEY=VALUE` words as what they say; raises `BadInput`."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise BadInput(f"{word[:100]!r} is no KEY=VALUE.")
        found[key] = value
    return found
