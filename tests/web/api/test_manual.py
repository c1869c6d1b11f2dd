"""What is told before anything else is known."""

import re

import pytest

from tests.support.webnode import WebNode


async def test_the_root_leads_on(web: WebNode) -> None:
    async with web.anybody() as client:
        links = (await client.get("/")).json()["links"]
        page = await client.get("/", headers={"accept": "text/html"})
    assert links["openapi"] == "/openapi.json"
    assert page.text.startswith("<!doctype html>")


@pytest.mark.slow
async def test_every_problem_has_a_page_at_its_own_address(web: WebNode) -> None:
    async with web.anybody() as client:
        listed = (await client.get("/problems")).text.splitlines()
        pages = [await client.get(line.split()[0]) for line in listed]
    assert len(pages) > 20
    assert {page.status_code for page in pages} == {200}


async def test_an_unknown_problem_has_no_page(web: WebNode) -> None:
    async with web.anybody() as client:
        assert (await client.get("/problems/none")).status_code == 404


@pytest.mark.slow
async def test_the_description_lists_every_address_that_answers(web: WebNode) -> None:
    described = (await web.client.get("/openapi.json")).json()
    for path, operations in described["paths"].items():
        for method in operations:
            answer = await web.client.request(method, re.sub(r"{\w+}", "x", path))
            assert answer.status_code not in {405, 500}, path
            assert "nothing at this address" not in answer.text, path


async def test_what_is_not_described_is_not_there(web: WebNode) -> None:
    assert "nothing at this address" in (await web.client.get("/nowhere")).json()["detail"]
