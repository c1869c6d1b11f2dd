"""What the node says of itself."""

from tests.support.webnode import WebNode


async def test_a_node_that_works_is_alive_and_ready(web: WebNode) -> None:
    async with web.anybody() as client:
        assert (await client.get("/livez")).text == "ok\n"
        for path in ("/readyz", "/healthz"):
            assert (await client.get(path)).status_code == 200


async def test_the_verbose_answer_has_a_line_for_each_check(web: WebNode) -> None:
    async with web.anybody() as client:
        lines = (await client.get("/readyz?verbose")).text.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "[+] node",
        "[+] workers",
        "[+] database",
        "ok",
    ]


async def test_a_node_without_workers_is_alive_but_not_ready(web: WebNode) -> None:
    web.execution.alive = False
    await web.health.check()
    async with web.anybody() as client:
        answer = await client.get("/readyz?verbose")
        assert (await client.get("/livez")).status_code == 200
    assert answer.status_code == 503
    assert "[-] workers: No worker answers." in answer.text


async def test_a_node_that_is_stopping_is_not_ready(web: WebNode) -> None:
    web.health.drain()
    async with web.anybody() as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_the_figures_need_a_token(web: WebNode) -> None:
    async with web.anybody() as client:
        assert (await client.get("/metrics")).status_code == 401
    answer = await web.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'hermetic_workers{state="idle"} 2.0' in answer.text


async def test_the_status_has_the_documented_shape(web: WebNode) -> None:
    status = (await web.client.get("/status")).json()
    assert status["statusCode"] == "pass"
    assert set(status["components"]) == {"backends", "authentication", "database"}
    backend = status["components"]["backends"]["components"]["local"]
    assert (backend["components"], backend["details"]["apiVersion"]) == (None, "1.0")
    assert status["components"]["database"]["details"]["state"] == "Open"


async def test_the_worst_part_decides_the_status(web: WebNode) -> None:
    web.execution.alive = False
    await web.health.check()
    assert (await web.client.get("/status")).json()["statusCode"] == "fail"
