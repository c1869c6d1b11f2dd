"""What a deployment says of itself, in each version."""

import pytest

from hermetic.compat.azureml.swagger import document
from hermetic.errors import NotFound

TOLD = {"input": {"type": "object"}, "output": {"type": "array"}}


def test_swagger_2_is_the_original() -> None:
    told = document("wine", "/api/v1/service/wine", TOLD, "2")
    assert (told["swagger"], told["schemes"]) == ("2.0", ["https"])
    assert set(told["paths"]) == {
        f"/api/v1/service/wine{path}" for path in ("/", "/score", "/swagger.json")
    }
    assert told["definitions"]["ServiceOutput"] == {"type": "array"}
    assert told["securityDefinitions"]["Bearer"]["name"] == "Authorization"


@pytest.mark.parametrize(("version", "openapi"), [("3", "3.0.3"), ("3.1", "3.1.0")])
def test_openapi_says_the_same(version: str, openapi: str) -> None:
    told = document("wine", "", TOLD, version)
    assert told["openapi"] == openapi
    body = told["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/ServiceInput"}


def test_a_description_of_the_scripts_own_wins() -> None:
    assert document("wine", "", {"files": {"2": {"own": True}}}, "2") == {"own": True}


def test_without_schemas_anything_goes() -> None:
    assert document("wine", "", {}, "2")["definitions"]["ServiceInput"] == {"type": "object"}


def test_there_are_no_other_versions() -> None:
    with pytest.raises(NotFound, match=r"2, 3 or 3\.1"):
        document("wine", "", {}, "1")
