"""Measures one box against its peers, on this machine, in this run: `make bench`.

Prints a table, writes `bench/results.json`, and exits 1 if a figure misses its goal.  Every
figure that depends on the machine is a ratio to a peer measured seconds before or after it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.load import Run, children, drive, resident_mb, seconds_of  # noqa: E402
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
    at_least: bool

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


def measure(box: Product, folder: Path) -> tuple[list[Figure], dict[str, object]]:
    """Return the figures of one box beside its peers, and the raw runs."""
    token = box.token()
    publish(box, token)
    idle = resident_mb([box.process.pid, *children(box.process.pid)])
    chain, key = credential(box, folder)
    runs: dict[str, list[Run]] = {}
    with (
        servers.fastapi(chain, key, token) as (peer, peer_pid),
        servers.nginx(chain, key, folder) as (limit, limit_pid),
    ):
        ours = ("hermetic", box.url.replace("localhost", "127.0.0.1"), box.process.pid)
        lanes = [ours, ("fastapi", peer, peer_pid), ("nginx", limit, limit_pid)]
        for connections in (16, 64):
            for _ in range(ROUNDS):
                for name, url, pid in lanes:
                    call = f"{url}/api/dot/1.0"
                    one = drive(call, token, [pid], connections=connections, seconds=SECONDS)
                    if one.failed:
                        raise SystemExit(f"{one.failed} calls to {name} failed")
                    runs.setdefault(f"{name} {connections}", []).append(one)
    raw = {name: [asdict(one) for one in some] for name, some in runs.items()}
    return figures(runs, idle), raw


def median(runs: list[Run], figure: str) -> float:
    """Return the median of one figure over the rounds."""
    values = [one.cpu_us[0] if figure == "cpu" else getattr(one, figure) for one in runs]
    return statistics.median(values)


def figures(runs: dict[str, list[Run]], idle_mb: float) -> list[Figure]:
    """Return the judged figures."""
    ours, peer = runs["hermetic 16"], runs["fastapi 16"]
    rate = median(ours, "rate") / median(peer, "rate")
    cpu = median(ours, "cpu") / median(peer, "cpu")
    tail = median(runs["hermetic 64"], "p99_ms") / median(runs["fastapi 64"], "p99_ms")
    shown = seconds_of([str(Path(sys.executable).parent / "hermetic"), "--help"]) * 1000
    return [
        Figure("requests/s at 16 connections, against FastAPI", rate, 3.5, "x", at_least=True),
        Figure("web-node CPU per call, against FastAPI", cpu, 0.25, "x", at_least=False),
        Figure("p99 at 64 connections, against FastAPI", tail, 0.5, "x", at_least=False),
        Figure("idle memory of one box with 2 workers", idle_mb, 160, "MB", at_least=False),
        Figure("hermetic --help", shown, 120, "ms", at_least=False),
    ]


def table(found: list[Figure], runs: dict[str, object]) -> str:
    """Return both tables as text."""
    lines = [f"{'':44}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}"]
    for name, some in runs.items():
        rounds = [Run(**{**one, "cpu_us": tuple(one["cpu_us"])}) for one in some]  # type: ignore[attr-defined]
        cells = [median(rounds, which) for which in ("rate", "p50_ms", "p99_ms", "cpu")]
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        box = products.start(folder / "home", "--workers", "2")
        try:
            found, runs = measure(box, folder)
        finally:
            box.stop()
    print(table(found, runs))
    judged = [{**asdict(one), "met": one.met} for one in found]
    results = json.dumps({"figures": judged, "runs": runs}, indent=1)
    (ROOT / "bench" / "results.json").write_text(results + "\n")
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
