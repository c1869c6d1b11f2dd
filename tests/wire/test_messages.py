"""Bodies in and out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hermetic.errors import InputMismatch, MalformedBody
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey
from hermetic.serving.values import WireType
from hermetic.wire.messages import (
    AccessTokenResponse,
    CreateSessionRequest,
    ExecuteRequest,
    LoginRequest,
    PublishRequest,
    RenewTokenRequest,
    creation_time,
    decode,
    encode,
    web_service,
)

SERVICE = Service(
    key=ServiceKey("wine", "1.0"),
    owner="ada",
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    runtime=RuntimeKind.PYTHON,
    entry=Entry(code="y = x", init_code="import math"),
    schema=Schema((Parameter("x", WireType.NUMERIC),), (), ()),
    operation_id="",
)


def test_a_moment_has_seven_digits_and_no_zone() -> None:
    east = timezone(timedelta(hours=2))
    assert (
        creation_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=east)) == "2026-01-02T01:04:05.0000000"
    )


def test_a_service_shows_all_its_members_and_no_empty_alias() -> None:
    told = decode(encode(web_service(SERVICE, shows_code=True, may_change=True)), dict)
    assert told["operationId"] is None
    assert told["outputFileNames"] == told["outputParameterDefinitions"] == []
    assert told["inputParameterDefinitions"] == [{"name": "x", "type": "numeric"}]
    assert told["creationTime"] == "2026-01-02T03:04:05.6789010"
    assert (told["code"], told["myPermissionOnService"]) == ("y = x", "read/write")


def test_who_may_not_read_code_gets_none() -> None:
    seen = web_service(SERVICE, shows_code=False, may_change=False)
    assert (seen.code, seen.init_code, seen.my_permission_on_service) == (None, None, "read only")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"name": null, "extra": [1, {}]}'])
def test_what_is_absent_null_or_unknown_is_left_out(body: bytes) -> None:
    assert decode(body, CreateSessionRequest) == CreateSessionRequest()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"code": 1}', "/code"),
        (
            b'{"inputParameterDefinitions": [{"name": "a", "type": null}]}',
            "/inputParameterDefinitions/0/type",
        ),
        (b'{"outputFileNames": ["a", 2]}', "/outputFileNames/1"),
        (b"[]", ""),
        (b"null", ""),
    ],
)
def test_a_wrong_type_is_pointed_at(body: bytes, pointer: str) -> None:
    with pytest.raises(InputMismatch) as caught:
        decode(body, PublishRequest)
    (mismatch,) = caught.value.mismatches
    assert mismatch.pointer == pointer
    assert caught.value.text.endswith(".")


def test_a_missing_member_is_named() -> None:
    with pytest.raises(InputMismatch, match="password"):
        decode(b'{"username": "a"}', LoginRequest)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": NaN}',
        b"\xff\xfe",
        b'{"username": "\xff"}',
        b"\x00",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=range(6),
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode(body, LoginRequest)


def test_inputs_of_a_run_keep_their_values() -> None:
    body = b'{"code": "y", "inputParameters": [{"name": "x", "value": {"a": [1, null]}}]}'
    (value,) = decode(body, ExecuteRequest).input_parameters or []
    assert value.value == {"a": [1, None]}


def test_secrets_do_not_show() -> None:
    bodies = (
        LoginRequest(username="a", password="hush"),
        RenewTokenRequest(refresh_token="hush"),
        AccessTokenResponse(
            token_type="Bearer",
            access_token="hush",
            expires_in=1,
            expires_on=2,
            refresh_token="hush",
        ),
    )
    assert all("hush" not in repr(body) for body in bodies)
