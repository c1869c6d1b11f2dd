"""Publishing and calling services of the running product over its REST API."""

from collections.abc import Mapping
from typing import Any

import httpx2

Definitions = Mapping[str, str]


def publish(
    http: httpx2.Client,
    name: str,
    code: str,
    *,
    inputs: Definitions | None = None,
    outputs: Definitions | None = None,
    version: str = "1",
    files: tuple[str, ...] = (),
) -> httpx2.Response:
    """Publish *code* as a service and return the answer, whatever it is."""
    body = {
        "code": code,
        "runtimeType": "Python",
        "inputParameterDefinitions": _definitions(inputs),
        "outputParameterDefinitions": _definitions(outputs),
        "outputFileNames": list(files),
    }
    return http.post(f"/services/{name}/{version}", json=body)


def call(http: httpx2.Client, name: str, *, version: str = "1", **inputs: Any) -> Any:
    """Call a service and return the JSON of its answer, or raise for its status."""
    answer = http.post(f"/api/{name}/{version}", json=inputs)
    answer.raise_for_status()
    return answer.json()


def _definitions(given: Definitions | None) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in (given or {}).items()]
