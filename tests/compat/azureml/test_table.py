"""The table of addresses."""

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hermetic.compat.azureml.table import Address, Table
from hermetic.errors import MethodNotAllowed, NotFound
from tests.support.asking import ask


async def told(request: Request) -> Response:
    return JSONResponse(request.path_params)


TABLE = Table(
    [
        Address("GET", "/one/listKeys", told),
        Address("GET", "/one/{name}", told),
        Address("POST", "/one/{name}", told),
        Address("PUT", "/files/{name:path}", told),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("GET", "/one/a", {"name": "a"}),
        ("POST", "/ONE/B", {"name": "B"}),
        ("GET", "/one/LISTKEYS", {}),
        ("GET", "/one/a/", {"name": "a"}),
        ("PUT", "/files/a/b/c.py", {"name": "a/b/c.py"}),
    ],
)
async def test_an_address_is_found(method: str, path: str, parameters: dict[str, str]) -> None:
    assert (await ask(TABLE, method, path)).json == parameters


@pytest.mark.parametrize("path", ["/", "/one", "/one/a/b", "/files/", "/xone/a"])
async def test_what_is_no_address_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        await ask(TABLE, "PUT", path)


async def test_another_method_is_told() -> None:
    with pytest.raises(MethodNotAllowed, match="GET, POST"):
        await ask(TABLE, "DELETE", "/one/a")
