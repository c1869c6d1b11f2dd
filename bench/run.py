"""Measures nodes against their peers, on this machine, in this run: `make bench`.

Prints a table, writes `bench/results.json`, and exits 1 if a figure misses its goal.  Every
figure that depends on the machine is a ratio to a peer measured seconds before or after it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench import certificates, deployments, fleet, two, worker  # noqa: E402
from bench.load import Run, children, drive, pin, resident_mb, seconds_of  # noqa: E402
from bench.peers import servers  # noqa: E402
from tests.support import product as products  # noqa: E402
from tests.support.product import Product  # noqa: E402

ROUNDS, SECONDS = 3, 5


@dataclass(frozen=True)
class Figure:
    """One row: what was measured, the goal, and whether more or less is better."""

    name: str
    value: float
    goal: float
    unit: str
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def publish(box: Product, token: str) -> None:
    """Publish the service under test through the command, as a user would."""
    hermetic = [sys.executable, "-m", "hermetic.cli.main", "service", "publish"]
    service = [str(ROOT / "bench/peers/dot.py"), "--name", "dot", "--version", "1.0"]
    reach = products.environment(
        HERMETIC_URL=box.url,
        HERMETIC_CA=str(box.ca),
        HERMETIC_TOKEN=token,
        HERMETIC_HOME=str(box.home),
    )
    subprocess.run([*hermetic, *service], env=reach, check=True, stdout=subprocess.DEVNULL)


def credential(box: Product, folder: Path) -> tuple[Path, Path]:
    """Return chain and key of the box's own credential, for the peers to present."""
    found = next((box.home / "certificates").rglob("api/current")).resolve()
    chain, key = folder / "tls.crt", folder / "tls.key"
    chain.write_bytes((found / "tls.crt").read_bytes())
    key.touch(mode=0o600)
    key.write_bytes((found / "tls.key").read_bytes())
    return chain, key


@dataclass(frozen=True)
class Lane:
    """Whatever is driven: its name in the table, where it answers, and its processes."""

    name: str
    url: str
    pids: Sequence[int]


def compare(lanes: Sequence[Lane], token: str, loads: Sequence[int]) -> dict[str, list[Run]]:
    """Return the runs of every lane at every number of connections, one round after the other."""
    runs: dict[str, list[Run]] = {}
    for connections in loads:
        for _ in range(ROUNDS):
            for lane in lanes:
                call, pids = f"{lane.url}/api/dot/1.0", list(lane.pids)
                one = drive(call, token, pids, connections=connections, seconds=SECONDS)
                if one.failed:
                    raise SystemExit(f"{one.failed} calls to {lane.name} failed")
                runs.setdefault(f"{lane.name} {connections}", []).append(one)
    return runs


def one_box(folder: Path) -> tuple[list[Figure], dict[str, list[Run]]]:
    """Return the figures of one box beside its peers, and the runs."""
    box = products.start(folder / "home", "--workers", "2")
    try:
        token = box.token()
        publish(box, token)
        idle = resident_mb([box.process.pid, *children(box.process.pid)])
        chain, key = credential(box, folder)
        with (
            servers.fastapi(chain, key, token) as (peer, peer_pid),
            servers.nginx(chain, key, folder) as (limit, limit_pid),
        ):
            ours = box.url.replace("localhost", "127.0.0.1")
            lanes = [
                Lane("hermetic", ours, [box.process.pid]),
                Lane("fastapi", peer, [peer_pid]),
                Lane("nginx", limit, [limit_pid]),
            ]
            runs = compare(lanes, token, (16, 64))
    finally:
        box.stop()
    return figures(runs, idle), runs


def two_hops(folder: Path) -> tuple[list[Figure], dict[str, list[Run]]]:
    """Return the figures of a web node before a compute node beside their peers, and the runs.

    Each hop has a core of its own, as on two machines; otherwise it would be the scheduler that
    is measured, which leaves a core idle while four processes hand calls round.
    """
    folder.mkdir()
    with (
        two.running(folder, ROOT / "bench/peers/dot.py") as ours,
        servers.two_nginx(ours.pems, folder) as (limit, limit_pids),
        servers.fastapi(*ours.pems.api, ours.token) as (peer, peer_pid),
    ):
        url = ours.web.url.replace("localhost", "127.0.0.1")
        lanes = [
            Lane("web + compute node", url, ours.pids),
            Lane("nginx + nginx", limit, limit_pids),
            Lane("fastapi, one hop", peer, [peer_pid]),
        ]
        for front, behind in (lane.pids for lane in lanes[:2]):
            for core, pids in enumerate(([front], [behind, *children(behind)])):
                pin(pids, core)
        runs = compare(lanes, ours.token, (16,))
    rate = {name: median(some, "rate") for name, some in runs.items()}
    mine, theirs, other = (f"{lane.name} 16" for lane in lanes)
    found = [
        Figure("two hops: requests/s at 16, against nginx", rate[mine] / rate[theirs], 0.3, "x"),
        Figure("two hops: requests/s at 16, against FastAPI", rate[mine] / rate[other], 2.0, "x"),
    ]
    return found, runs


def median(runs: list[Run], figure: str) -> float:
    """Return the median of one figure over the rounds; CPU is that of all processes."""
    values = [sum(one.cpu_us) if figure == "cpu" else getattr(one, figure) for one in runs]
    return statistics.median(values)


def figures(runs: dict[str, list[Run]], idle_mb: float) -> list[Figure]:
    """Return the judged figures of one box."""
    ours, peer = runs["hermetic 16"], runs["fastapi 16"]
    rate = median(ours, "rate") / median(peer, "rate")
    cpu = median(ours, "cpu") / median(peer, "cpu")
    tail = median(runs["hermetic 64"], "p99_ms") / median(runs["fastapi 64"], "p99_ms")
    start = worker.start_against_python()
    shown = seconds_of([str(Path(sys.executable).parent / "hermetic"), "--help"]) * 1000
    return [
        Figure("requests/s at 16 connections, against FastAPI", rate, 3.5, "x"),
        Figure("web-node CPU per call, against FastAPI", cpu, 0.25, "x", False),
        Figure("p99 at 64 connections, against FastAPI", tail, 0.5, "x", False),
        Figure("idle memory of one box with 2 workers", idle_mb, 160, "MB", False),
        Figure("CPU of a worker's start, against bare Python", start, 4.5, "x", False),
        Figure("hermetic --help", shown, 120, "ms", False),
    ]


def many_certificates() -> list[Figure]:
    """Return what many certificates cost; a context is built by OpenSSL, which is the peer."""
    trusting, front_ends = certificates.trusting(), certificates.front_ends()
    return [
        Figure("10 000 certificates looked through", certificates.scanned_s(), 1.0, "s", False),
        Figure("a context with 1000 CAs", trusting.further * 1000, 5, "ms", False),
        Figure("CPU of a handshake that can be swapped", certificates.swapping(), 1.02, "x", False),
        Figure("CPU of a handshake with 1000 front ends", front_ends.cpu, 1.05, "x", False),
        Figure("memory of each", front_ends.kilobytes, 60, "kB", False),
        Figure(
            "the first with them, against bare ssl", trusting.first / trusting.bare, 1, "x", False
        ),
    ]


def many_nodes() -> list[Figure]:
    """Return how long it takes until all nodes of an authority are certified below its next root."""
    done = fleet.replaced()
    name = f"{done.nodes} node certificates replaced"
    return [
        Figure(name, done.seconds, 600, "s", False),
        Figure("of them refused", done.failed, 0, "", False),
    ]


def of_deployments(folder: Path) -> list[Figure]:
    """Return what it costs to refuse who may not call a deployment, and to deploy one."""
    done = deployments.measured(folder)
    dearer = done.scored_us / done.refused_us
    return [
        Figure("a scored call of a small model, in calls that are refused", dearer, 10, "x"),
        Figure("from the request to Healthy", done.deployed_s, 2, "s", False),
    ]


def table(found: list[Figure], runs: dict[str, list[Run]]) -> str:
    """Return both tables as text."""
    lines = [f"{'':44}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}"]
    for name, some in runs.items():
        cells = [median(some, which) for which in ("rate", "p50_ms", "p99_ms", "cpu")]
        lines.append(
            f"{name + ' connections':44}{cells[0]:9.0f}"
            + "".join(f"{cell:9.2f}" for cell in cells[1:])
        )
    lines.append("")
    for one in found:
        goal = f"{'>=' if one.at_least else '<='} {one.goal:g} {one.unit}"
        lines.append(
            f"{one.name:46}{one.value:9.2f} {one.unit:3} goal {goal:12}"
            f"{'ok' if one.met else 'MISSED'}"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, write the results."""
    found: list[Figure] = []
    runs: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as name:
        for measured, some in (one_box(Path(name)), two_hops(Path(name, "two"))):
            found += measured
            runs |= some
        found += of_deployments(Path(name, "deployments"))
    found += many_certificates() + many_nodes()
    print(table(found, runs))
    results = {
        "figures": [{**asdict(one), "met": one.met} for one in found],
        "runs": {name: [asdict(one) for one in some] for name, some in runs.items()},
    }
    (ROOT / "bench" / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
