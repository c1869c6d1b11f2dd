"""The client as a user types it: checked by mypy, never run.

A name that is renamed, or a type that becomes wider, is seen here before it breaks a caller.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

from hermetic.client.api import Answer, Client
from hermetic.errors import (
    Busy,
    DeadlineExceeded,
    HermeticError,
    InputMismatch,
    Mismatch,
    ServiceNotFound,
    TooManyAttempts,
    TrustFailure,
    Unavailable,
)
from hermetic.wire.messages import (
    AccessTokenResponse,
    CertificateListing,
    PublishRequest,
    WebService,
)


def log_in(ca: Path) -> Client:
    client = Client("https://localhost:12800", ca=ca, timeout_s=5)
    pair = client.login("admin", "a password")
    assert_type(pair, AccessTokenResponse)
    assert_type(pair.access_token, str)
    assert_type(client.token, str | None)
    return client


def publish(client: Client, archive: Path) -> str:
    with archive.open("rb") as file:
        digest = client.upload_bundle(file)
    assert_type(digest, str)
    request = PublishRequest(code="y = x * 2", bundle=digest)
    version = client.publish("double", None, request)
    assert_type(version, str)
    assert_type(client.redeploy("double", version, PublishRequest(description="x 2")), str)
    return version


def call(client: Client) -> float:
    with client as connected:
        assert_type(connected, Client)
        answer = connected.call("double", "1.0", x=21.0)
    assert_type(answer, Answer)
    assert_type(answer.success, bool)
    assert_type(answer.error_message, str)
    assert_type(answer.output_parameters, dict[str, Any])
    assert_type(answer.output_files, dict[str, str | None])
    assert_type(answer.console_output, str)
    assert_type(answer.changed_files, list[str])
    return float(answer.output_parameters["y"])


def call_with_names_that_are_parameters_too(client: Client) -> None:
    assert_type(client.call("double", "1.0", name="x", version=2), Answer)
    assert_type(client.call_with("double", "1.0", {"x": 1}), Answer)


def look(client: Client) -> None:
    assert_type(client.services(), list[WebService])
    assert_type(client.services("double"), list[WebService])
    assert_type(client.service("double", "1.0").code, str | None)
    assert_type(client.swagger("double", "1.0"), dict[str, Any])
    certificates = client.certificates()
    assert_type(certificates, list[CertificateListing])
    assert_type(client.renew(certificates[0].entry).not_after, str | None)


def handle(client: Client) -> int:
    try:
        client.call("double", "1.0", x="?")
    except InputMismatch as error:
        assert_type(error.mismatches, tuple[Mismatch, ...])
        places: Sequence[str] = [one.pointer for one in error.mismatches]
        return len(places)
    except ServiceNotFound as error:
        assert_type((error.name, error.version), tuple[str, str])
    except (Busy, Unavailable, TooManyAttempts) as error:
        assert_type(error.retry_after_s, int)
    except (DeadlineExceeded, TrustFailure):
        return 1
    except HermeticError as error:
        assert_type(error.members, Mapping[str, object])
        return error.exit_code
    return 0


def misuse(client: Client) -> None:
    client.call("double", x=1)  # type: ignore[call-arg]  # a version is never guessed
    Client("https://localhost", Path("ca.pem"))  # type: ignore[call-arg]  # which file is told by name
    client.publish("double", None, {"code": "y = 1"})  # type: ignore[arg-type]  # a message
