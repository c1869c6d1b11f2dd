"""The pool, with real worker processes."""

import asyncio
import os
import pickle
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop
from sklearn.linear_model import LogisticRegression

from hermetic.client.execution import Answer, Execution
from hermetic.compute import frames
from hermetic.compute.descendants import children
from hermetic.compute.limits import MIB, Limits
from hermetic.compute.pool import LocalExecution
from hermetic.errors import (
    DeadlineExceeded,
    InputMismatch,
    MalformedBody,
    ServiceNotFound,
    ServiceUnloadable,
    Unavailable,
    WorkerDied,
)
from hermetic.serving.service import Entry, EntryKind, ServiceKey
from tests.compute.conftest import LIMITS, Rig
from tests.support.waiting import until


def worker_pids() -> set[int]:
    """Return the ids of this process's workers; one may end while it is looked at."""
    found = set()
    for pid in children(os.getpid()):
        with suppress(OSError):
            if "hermetic.compute.worker" in Path(f"/proc/{pid}/cmdline").read_text():
                found.add(pid)
    return found


def test_the_pool_is_an_execution(tmp_path: Path) -> None:
    execution: Execution = LocalExecution(tmp_path, limits=LIMITS, hidden=tmp_path)
    assert execution.capacity().most == LIMITS.most


async def test_code_is_called_with_its_inputs(rig: Rig) -> None:
    key = rig.code("y = x * 2", inputs={"x": "numeric"}, outputs={"y": "numeric"})
    assert await rig.call(key, x=1.5) == {
        "success": True,
        "errorMessage": "",
        "outputParameters": {"y": 3.0},
        "outputFiles": {},
        "consoleOutput": "",
        "changedFiles": [],
    }


async def test_a_script_is_initialised_once_and_keeps_its_state(rig: Rig) -> None:
    key = rig.script(
        "count = 0\ndef init():\n    global count\n    count = 10\n"
        "def run(x):\n    global count\n    count += x\n    return count\n",
        inputs={"x": "integer"},
        outputs={"n": "integer"},
    )
    assert [await rig.output(key, "n", x=1), await rig.output(key, "n", x=1)] == [11, 12]


async def test_a_function_of_a_module_is_called(rig: Rig) -> None:
    bundle = rig.bundle(
        {"pkg/__init__.py": "", "pkg/model.py": "def area(a, b):\n    return a * b\n"}
    )
    service = rig.service(
        Entry(EntryKind.FUNCTION, target="pkg.model:area"),
        inputs={"a": "numeric", "b": "numeric"},
        outputs={"m2": "numeric"},
    )
    rig.pool.place(service, bundle)
    assert await rig.output(service.key, "m2", a=2, b=3) == 6.0


async def test_a_script_without_inputs_is_given_the_body(rig: Rig) -> None:
    key = rig.script("import json\ndef run(raw):\n    return sum(json.loads(raw)['data'])\n")
    answer = await rig.answer(key, b'{"data": [1, 2]}')
    assert b'"outputParameters":{"result":3}' in answer.body


async def test_inputs_that_do_not_fit_are_refused_with_pointers(rig: Rig) -> None:
    key = rig.code("y = x", inputs={"x": "numeric"}, outputs={"y": "numeric"})
    error = (await rig.answer(key, {"x": "a"})).error
    assert isinstance(error, InputMismatch)
    assert error.mismatches[0].pointer == "/x"


async def test_a_body_that_is_no_json_is_refused(rig: Rig) -> None:
    key = rig.code("y = x", inputs={"x": "numeric"}, outputs={"y": "numeric"})
    assert isinstance((await rig.answer(key, b"{")).error, MalformedBody)


async def test_a_failing_call_shows_the_frames_of_its_own_code(rig: Rig) -> None:
    key = rig.code("def f():\n    return 1 / 0\nf()")
    found = await rig.call(key)
    assert not found["success"]
    assert found["outputParameters"] == {}
    assert 'File "<code>", line 2, in f' in found["errorMessage"]
    assert "hermetic/compute" not in found["errorMessage"]


async def test_what_init_and_code_print_is_in_every_answer(rig: Rig) -> None:
    key = rig.code("print('code')", init="print('init')")
    assert [(await rig.call(key))["consoleOutput"] for _ in range(2)] == ["init\ncode\n"] * 2


async def test_a_call_of_code_sees_nothing_of_the_one_before(rig: Rig) -> None:
    key = rig.code(
        "seen.append(1)\nbump()\nn = len(seen) + count\ntry:\n    n += left\nexcept NameError:\n"
        "    left = 100\nopen('made', 'x').close()",
        init="seen = []\ncount = 0\ndef bump():\n    global count\n    count += 1",
        outputs={"n": "integer"},
    )
    assert [await rig.output(key, "n") for _ in range(3)] == [2, 2, 2]


async def test_files_of_the_bundle_are_in_the_folder_of_every_call(rig: Rig) -> None:
    bundle = rig.bundle({"a.txt": "one", "deep/b.txt": "two"})
    key = rig.code(
        "t = open('a.txt').read() + open('deep/b.txt').read()\nopen('a.txt', 'w').write('!')",
        bundle=bundle,
        outputs={"t": "character"},
    )
    found = [await rig.call(key) for _ in range(2)]
    assert [one["outputParameters"]["t"] for one in found] == ["onetwo", "onetwo"]
    assert found[1]["changedFiles"] == ["a.txt"]


async def test_output_files_come_back_and_missing_ones_are_null(rig: Rig) -> None:
    key = rig.code("open('a.txt', 'w').write('hi')", files=("a.txt", "b.txt"))
    found = await rig.call(key)
    assert found["outputFiles"] == {"a.txt": "aGk=", "b.txt": None}
    assert found["changedFiles"] == ["a.txt"]


async def test_an_output_file_that_is_a_link_is_not_followed(rig: Rig) -> None:
    key = rig.code("import os; os.symlink('/etc/hostname', 'a.txt')", files=("a.txt",))
    assert (await rig.call(key))["outputFiles"] == {"a.txt": None}


async def test_a_worker_that_exits_is_named_and_replaced(rig: Rig) -> None:
    key = rig.code(
        "import os, sys\nif x:\n    print('bye', file=sys.stderr, flush=True)\n    os._exit(3)",
        inputs={"x": "logical"},
    )
    error = (await rig.answer(key, {"x": True})).error
    assert isinstance(error, WorkerDied)
    assert "exit code 3" in error.text
    assert "bye" in error.stderr
    assert (await rig.call(key, x=False))["success"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_worker_that_is_killed_is_named_by_its_signal(rig: Rig, number: int) -> None:
    key = rig.code(f"import os; os.kill(os.getpid(), {int(number)})")
    error = (await rig.answer(key)).error
    assert isinstance(error, WorkerDied)
    assert error.exit_status == -number
    assert signal.Signals(number).name in error.text


async def test_sys_exit_fails_the_call_and_leaves_the_worker(rig: Rig) -> None:
    key = rig.code("import sys; sys.exit(4)")
    assert "sys.exit(4)" in (await rig.call(key))["errorMessage"]
    assert not rig.pool.metrics.ended


@pytest.mark.parametrize("limits", [Limits(initial=1, most=2, call_s=2)])
@pytest.mark.slow
async def test_an_endless_call_is_ended_at_its_deadline(rig: Rig) -> None:
    key = rig.code("while x: pass", inputs={"x": "logical"})
    error = (await rig.answer(key, {"x": True})).error
    assert isinstance(error, DeadlineExceeded)
    assert (await rig.call(key, x=False))["success"]
    assert rig.pool.metrics.ended == {"deadline": 1}


async def test_a_call_may_have_a_deadline_of_its_own(rig: Rig) -> None:
    key = rig.code("while True: pass")
    done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    rig.pool.submit(key, b"{}", done.set_result, within_s=0.5)
    error = (await asyncio.wait_for(done, 30)).error
    assert isinstance(error, DeadlineExceeded)
    assert "0.5 s" in error.text


async def test_a_call_nobody_waits_for_is_ended_before_its_deadline(rig: Rig) -> None:
    key = rig.code("while True: pass")
    done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    ticket = rig.pool.submit(key, b"{}", done.set_result)
    rig.pool.abandon(ticket)
    error = (await asyncio.wait_for(done, LIMITS.call_s / 2)).error
    assert isinstance(error, Unavailable)
    rig.pool.abandon(ticket)  # it has ended: nothing happens


async def test_memory_eaten_is_an_error_of_the_call(rig: Rig) -> None:
    key = rig.code("b = bytearray(x * 1024**3); del b", inputs={"x": "integer"})
    found = await rig.call(key, x=4)
    assert "MemoryError" in found["errorMessage"]
    assert (await rig.call(key, x=0))["success"]
    assert rig.pool.metrics.ended == {"recycled": 1}


async def test_much_console_output_is_cut(rig: Rig) -> None:
    key = rig.code("for _ in range(100): print('x' * 1_000_000)")
    console = (await rig.call(key))["consoleOutput"]
    assert len(console) < LIMITS.console + 100
    assert "more characters were not kept" in console


async def test_much_output_past_python_is_drained(rig: Rig) -> None:
    key = rig.code("import os\nfor _ in range(100): os.write(1, b'x' * 1_000_000)")
    assert (await rig.call(key))["success"]


async def test_a_call_may_remove_its_folder(rig: Rig) -> None:
    key = rig.code(
        "import os, shutil\nopen('a', 'x').close()\nn = len(os.listdir())\nshutil.rmtree(os.getcwd())",
        outputs={"n": "integer"},
    )
    assert [await rig.output(key, "n") for _ in range(3)] == [1, 1, 1]


async def test_a_deeply_nested_folder_is_emptied(rig: Rig) -> None:
    key = rig.code(
        "import os\nn = len(os.listdir())\nfor _ in range(40):\n    os.mkdir('d' * 200); os.chdir('d' * 200)",
        outputs={"n": "integer"},
    )
    assert [await rig.output(key, "n") for _ in range(2)] == [0, 0]
    assert not rig.pool.metrics.ended


async def test_a_worker_that_closes_its_descriptors_is_replaced(rig: Rig) -> None:
    key = rig.code("import os\nif x: os.closerange(0, 100)", inputs={"x": "logical"})
    assert isinstance((await rig.answer(key, {"x": True})).error, WorkerDied)
    assert (await rig.call(key, x=False))["success"]


async def test_a_fork_that_returns_from_the_code_answers_nothing(rig: Rig) -> None:
    key = rig.code("import os\npid = os.fork()\nif x and not pid: 1 / 0", inputs={"x": "logical"})
    for x in (False, True, False):
        assert (await rig.call(key, x=x))["success"]


async def test_a_process_that_detached_itself_by_two_forks_is_ended(rig: Rig) -> None:
    key = rig.code(
        "import os, time\nr, w = os.pipe()\nif not os.fork():\n    os.setsid()\n"
        "    if not os.fork():\n        os.write(w, b'%d' % os.getpid())\n        time.sleep(1000)\n"
        "    os._exit(0)\npid = int(os.read(r, 20))",
        outputs={"pid": "integer"},
    )
    pid = await rig.output(key, "pid")
    assert not Path(f"/proc/{pid}").exists()


async def test_children_left_by_a_call_are_ended(rig: Rig) -> None:
    key = rig.code(
        "import os, subprocess\n"
        "p = subprocess.Popen(['sleep', '1000'], start_new_session=True)\npid = p.pid",
        outputs={"pid": "integer"},
    )
    pid = await rig.output(key, "pid")
    assert not Path(f"/proc/{pid}").exists()


async def test_children_of_a_worker_that_is_ended_are_ended(rig: Rig) -> None:
    key = rig.code(
        "import os, subprocess\np = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "os.write(2, b'%d\\n' % p.pid)\nos._exit(1)"
    )
    error = (await rig.answer(key)).error
    assert isinstance(error, WorkerDied)
    left = Path(f"/proc/{error.stderr.strip()}")
    await until(lambda: not left.exists())


async def test_a_call_that_leaves_a_thread_is_its_workers_last(rig: Rig) -> None:
    key = rig.code(
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    assert (await rig.call(key))["success"]
    assert (await rig.call(key))["success"]
    assert rig.pool.metrics.ended["recycled"] == 2


@pytest.mark.parametrize("limits", [Limits(initial=1, most=2, answer=MIB)])
async def test_an_answer_that_is_too_long_is_refused(rig: Rig) -> None:
    key = rig.code("t = 'x' * n", inputs={"n": "integer"}, outputs={"t": "character"})
    found = await rig.call(key, n=2 * MIB)
    assert "bytes long" in found["errorMessage"]
    assert (await rig.call(key, n=10))["success"]


@pytest.mark.slow
async def test_a_model_of_scikit_learn_is_loaded_and_called(rig: Rig) -> None:
    model = pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    bundle = rig.bundle(
        {
            "score.py": "import joblib, pandas\ndef init():\n    global model\n"
            "    model = joblib.load('model.pkl')\n"
            "def run(x):\n    return model.predict(x.to_numpy())\n",
            "model.pkl": model,
        }
    )
    service = rig.service(
        Entry(EntryKind.SCRIPT, target="score.py"), inputs={"x": "frame"}, outputs={"y": "vector"}
    )
    rig.pool.place(service, bundle)
    assert await rig.output(service.key, "y", x={"a": [0, 1, 5]}) == [0, 1, 1]
    assert not (await rig.call(service.key, x={"a": ["no"]}))["success"]


async def test_a_forged_frame_ends_the_worker_that_sent_it(rig: Rig) -> None:
    key = rig.code(
        "import os, struct, sys\nfd = int(sys.argv[1])\n"
        "os.write(fd, struct.pack('>IBQ', 2, 6, 10**9) + b'{}')\nimport time; time.sleep(60)"
    )
    assert isinstance((await rig.answer(key)).error, WorkerDied)


async def test_a_service_that_cannot_load_says_why_and_harms_no_other(rig: Rig) -> None:
    broken = rig.script("raise KeyError('no model')\n", name="broken")
    fine = rig.code("pass", name="fine")
    error = (await rig.answer(broken)).error
    assert isinstance(error, Unavailable)
    assert "KeyError: 'no model'" in error.text
    assert (await rig.call(fine))["success"]
    await rig.pool.probe()


async def test_a_service_that_cannot_load_is_not_tried_at_every_call(rig: Rig) -> None:
    broken = rig.script("raise KeyError('no model')\n")
    for _ in range(5):
        assert isinstance((await rig.answer(broken)).error, Unavailable)
    assert rig.pool.metrics.ended["unloadable"] == 1


async def test_a_check_returns_what_was_printed_and_keeps_no_worker(rig: Rig) -> None:
    service = rig.service(Entry(code="pass", init_code="print('loading')"))
    assert (await rig.pool.check(service, None)).console_output == "loading\n"
    assert rig.pool.metrics.phases["idle"] == 0


async def test_a_check_of_broken_code_raises_with_its_traceback(rig: Rig) -> None:
    service = rig.service(Entry(code="def f(:"))
    with pytest.raises(ServiceUnloadable, match="SyntaxError") as caught:
        await rig.pool.check(service, None)
    assert "def f(:" in caught.value.traceback


async def test_a_check_of_a_script_without_its_bundle_raises(rig: Rig) -> None:
    with pytest.raises(ServiceUnloadable, match="has no bundle"):
        await rig.pool.check(rig.service(Entry(EntryKind.SCRIPT, target="score.py")), None)


async def test_a_check_of_code_that_ends_its_worker_raises(rig: Rig) -> None:
    service = rig.service(Entry(init_code="import os; os._exit(9)"))
    with pytest.raises(ServiceUnloadable, match="exit code 9"):
        await rig.pool.check(service, None)


async def test_a_withdrawn_service_is_not_found_and_its_calls_end(rig: Rig) -> None:
    key = rig.code("import time; time.sleep(0.2)")
    running = asyncio.ensure_future(rig.answer(key))
    await until(lambda: rig.calls() == 1)
    rig.pool.withdraw(key)
    assert isinstance((await rig.answer(key)).error, ServiceNotFound)
    assert (await running).error is None


async def test_an_unknown_service_is_not_found(rig: Rig) -> None:
    assert isinstance((await rig.answer(ServiceKey("x", "1"))).error, ServiceNotFound)


async def test_a_service_placed_anew_answers_with_its_new_code(rig: Rig) -> None:
    for number in (1, 2):
        key = rig.code(f"n = {number}", outputs={"n": "integer"})
        assert await rig.output(key, "n") == number


async def test_an_idle_worker_that_was_killed_costs_no_call(rig: Rig) -> None:
    key = rig.code("import os; pid = os.getpid()", outputs={"pid": "integer"})
    os.kill(await rig.output(key, "pid"), signal.SIGKILL)
    await until(lambda: bool(rig.pool.metrics.ended))
    assert await rig.output(key, "pid") > 0


@pytest.mark.slow
async def test_a_probe_fails_when_no_worker_can_start(tmp_path: Path) -> None:
    pool = LocalExecution(tmp_path, limits=LIMITS, hidden=tmp_path, python="/nonexistent/python")
    await pool.start()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(pool.probe(), 10)
    answers: list[Answer] = []
    service = Rig(tmp_path, LIMITS).service(Entry(code="pass"))
    pool.place(service, None)
    pool.submit(service.key, b"{}", answers.append)
    assert isinstance(answers[0].error, Unavailable)
    await pool.stop(0)


async def test_a_stopped_pool_leaves_no_process_and_no_folder(rig: Rig) -> None:
    await rig.call(rig.code("pass"))
    assert worker_pids()
    await rig.pool.stop(0)
    assert not worker_pids()
    assert not list((rig.home / "work").iterdir())


async def test_stopping_waits_for_calls_that_run(rig: Rig) -> None:
    key = rig.code("import time; time.sleep(0.3)")
    running = asyncio.ensure_future(rig.answer(key))
    await until(lambda: rig.calls() == 1)
    await rig.pool.stop(5)
    assert (await running).error is None
    assert isinstance((await rig.answer(key)).error, Unavailable)


async def test_many_calls_at_once_are_all_answered(rig: Rig) -> None:
    key = rig.code("y = x", inputs={"x": "integer"}, outputs={"y": "integer"})
    found = await asyncio.gather(*(rig.output(key, "y", x=x) for x in range(300)))
    assert found == list(range(300))


def test_it_works_on_uvloop_as_on_asyncio(tmp_path: Path) -> None:
    async def life() -> object:
        rig = Rig(tmp_path, LIMITS)
        await rig.pool.start()
        key = rig.code("y = x", inputs={"x": "integer"}, outputs={"y": "integer"})
        found = await asyncio.gather(*(rig.output(key, "y", x=x) for x in range(50)))
        dying = rig.code("import os; os._exit(3)", "g")
        error = (await rig.answer(dying)).error
        await rig.pool.stop(1)
        return found == list(range(50)) and isinstance(error, WorkerDied)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(life())


async def test_a_worker_cannot_speak_for_another_service(rig: Rig) -> None:
    other = rig.code("r = 1", "other", outputs={"r": "integer"})
    assert await rig.output(other, "r") == 1
    lie = (
        "import os, struct\nfd = int(open('/proc/self/cmdline').read().split(chr(0))[-3])\n"
        'text = b\'{"console": "lie", "seconds": 1, "text": "lie"}\'\n'
        "for service in range(50):\n"
        "    os.write(fd, struct.pack('>IBQ', len(text), %d, service) + text)\n"
    )
    for kind in (frames.LOADED, frames.UNLOADABLE):
        told = await rig.answer(rig.code(lie % kind, f"liar{kind}"))
        assert isinstance(told.error, WorkerDied)
    placed = rig.pool._placed.values()
    assert not any("lie" in one.console + one.failure for one in placed)
