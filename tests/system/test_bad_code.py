"""Services that misbehave: the call says so, the next call works, the node stays ready."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

LIMITS = ("--call-deadline", "2", "--worker-memory", "512MiB")
NUMBER = {"answer": "integer"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = products.start(tmp_path_factory.mktemp("code") / "home", *LIMITS)
    yield product
    assert product.stop() == 0


@pytest.fixture
def http(box: Product) -> Iterator[httpx2.Client]:
    with box.client(box.token()) as client:
        yield client
        assert client.get("/readyz").status_code == 200


def misbehave(http: httpx2.Client, name: str, code: str) -> httpx2.Response:
    """Publish a service that runs *code* when told to, tell it to, then check the next call."""
    indented = "\n".join("    " + line for line in code.splitlines())
    text = f"answer = 0\nif bad:\n{indented}\nanswer = answer or 7\n"
    published = publish(http, name, text, inputs={"bad": "logical"}, outputs=NUMBER)
    assert published.status_code == 201, published.text
    answer = http.post(f"/api/{name}/1", json={"bad": True})
    assert call(http, name, bad=False)["outputParameters"] == {"answer": 7}
    return answer


def test_code_that_raises_is_told_with_its_traceback(http: httpx2.Client) -> None:
    answer = misbehave(http, "raises", "raise KeyError('no such row')")
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "KeyError: 'no such row'" in answer.json()["errorMessage"]
    assert answer.json()["outputParameters"] == {}


def test_code_that_loops_is_ended_at_its_deadline(http: httpx2.Client) -> None:
    answer = misbehave(http, "loops", "while True: pass")
    assert answer.status_code == 504
    assert answer.json()["type"].endswith("deadline-exceeded")
    assert "longer than 2 s" in answer.json()["detail"]


def test_code_that_calls_exit_is_an_error_of_its_own(http: httpx2.Client) -> None:
    answer = misbehave(http, "exits", "import sys\nsys.exit(3)")
    assert answer.status_code == 200
    assert "sys.exit(3)" in answer.json()["errorMessage"]


def test_a_worker_that_ends_is_told_with_its_last_words(http: httpx2.Client) -> None:
    code = "import os\nos.write(2, b'last words')\nos._exit(3)"
    answer = misbehave(http, "ends", code)
    assert answer.status_code == 500
    assert answer.json()["exitStatus"] == 3
    assert "last words" in answer.json()["stderr"]


def test_a_worker_that_crashes_is_told_with_its_signal(http: httpx2.Client) -> None:
    answer = misbehave(http, "crashes", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert answer.status_code == 500
    assert "SIGSEGV" in answer.json()["detail"]


def test_a_fork_cannot_answer_a_second_time(http: httpx2.Client) -> None:
    answer = misbehave(http, "forks", "import os\nanswer = 1 if os.fork() else 2")
    assert answer.json()["outputParameters"] == {"answer": 1}


def test_a_hundred_megabytes_of_output_are_cut(http: httpx2.Client) -> None:
    answer = misbehave(http, "prints", "for _ in range(100): print('x' * 1_000_000)")
    assert answer.status_code == 200
    assert len(answer.json()["consoleOutput"]) < 2_000_000
    assert "not kept" in answer.json()["consoleOutput"]


def test_output_of_a_child_process_does_not_fill_the_node(http: httpx2.Client) -> None:
    code = "import os\nfor _ in range(50): os.write(1, b'y' * 1_000_000)"
    assert misbehave(http, "floods", code).status_code == 200


def test_memory_beyond_the_limit_is_an_error_of_the_call(http: httpx2.Client) -> None:
    answer = misbehave(http, "eats", "rows = []\nwhile True: rows.append(bytearray(50_000_000))")
    assert answer.status_code == 200
    assert "MemoryError" in answer.json()["errorMessage"]


def test_a_deleted_folder_is_there_again_at_the_next_call(http: httpx2.Client) -> None:
    code = "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)"
    assert misbehave(http, "deletes", code).status_code == 200


def test_a_service_that_cannot_load_is_refused_and_the_node_stays_ready(
    http: httpx2.Client,
) -> None:
    body = {"code": "a = 1", "initCode": "import nowhere_to_be_found", "runtimeType": "Python"}
    answer = http.post("/services/unloadable/1", json=body)
    assert answer.status_code == 400
    assert "nowhere_to_be_found" in answer.text
    assert http.get("/services/unloadable").json() == []


def test_no_file_of_the_node_can_be_read_by_a_service(http: httpx2.Client, box: Product) -> None:
    kept = [path for path in box.home.rglob("*") if path.is_file() and "key" in path.name]
    kept += [*box.home.glob("*.sqlite3"), box.home / "lock"]
    code = """
found = ""
for path in paths.split("|"):
    try:
        open(path, "rb").read()
        found += path + " "
    except OSError:
        pass
"""
    inputs, outputs = {"paths": "character"}, {"found": "character"}
    assert publish(http, "reads", code, inputs=inputs, outputs=outputs).status_code == 201
    seen = call(http, "reads", paths="|".join(map(str, kept)))
    assert len(kept) > 3
    assert seen["outputParameters"]["found"] == ""


def test_a_service_cannot_end_the_node(http: httpx2.Client) -> None:
    code = "import os\ntry:\n    os.kill(os.getppid(), 9)\nexcept OSError:\n    answer = 5"
    answer = misbehave(http, "kills", code)
    assert answer.json()["outputParameters"] == {"answer": 5}
