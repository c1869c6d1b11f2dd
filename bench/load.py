"""Load from a second process, and what it cost the processes under load."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
wrk.method = "POST"
wrk.body = '{"data":[1,2,3,4]}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
if os.getenv("BENCH_HOST") ~= "" then wrk.headers["Host"] = os.getenv("BENCH_HOST") end
"""
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One run of wrk: requests a second, latencies in ms, CPU in µs a request per process."""

    rate: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_us: tuple[float, ...]


def cpu_ticks(pid: int) -> int:
    """Return the user and system time of *pid* so far, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def resident_mb(pids: list[int]) -> float:
    """Return the proportional memory of *pids* together (shared pages counted once), in MB."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(re.findall(r"^Pss:\s+(\d+)", text, re.M)[0]) for text in rollups) / 1024


def children(pid: int) -> list[int]:
    """Return the direct children of *pid*."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def pin(pids: list[int], core: int) -> None:
    """Let *pids* run on one core alone, if there are two: the first or the second."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= 2:
        for pid in pids:
            os.sched_setaffinity(pid, {cores[core]})


def drive(
    url: str, token: str, pids: list[int], *, connections: int, seconds: int, host: str = ""
) -> Run:
    """Load *url* over keep-alive connections, as *host* if one is told; return what came of it."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        before = [cpu_ticks(pid) for pid in pids]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
        out = subprocess.run(
            [*command, "--latency", url],
            env={**os.environ, "BENCH_TOKEN": token, "BENCH_HOST": host},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        after = [cpu_ticks(pid) for pid in pids]
    requests = int(_first(r"(\d+) requests in", out))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    spent = tuple((b - a) * TICK_US / requests for a, b in zip(before, after, strict=True))
    rate = float(_first(r"Requests/sec:\s+([\d.]+)", out))
    broken = int(failed.group(1)) if failed else 0
    return Run(rate, _percentile("50", out), _percentile("99", out), broken, spent)


def seconds_of(command: list[str], *, runs: int = 11) -> float:
    """Return the median wall time of *command*."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2]


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk said something else than expected:\n{text}")
    return found.group(1)


def _percentile(which: str, text: str) -> float:
    found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s)\s*$", text, re.M)
    if found is None:
        raise SystemExit(f"wrk printed no {which} % latency:\n{text}")
    return float(found.group(1)) * UNITS[found.group(2)]
