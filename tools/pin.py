"""Writes requirements/*.txt: what pyproject.toml allows, pinned, with all that it brings.

`make pin` runs it in an environment into which everything was just installed afresh.
"""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# Written by `make pin`; change pyproject.toml instead.\n"


def named(requirements: Iterable[str], extra: str = "") -> set[str]:
    """Return the normalised names that *requirements* come to here, each with all it needs."""
    found: set[str] = set()
    for text in requirements:
        one = Requirement(text)
        if one.marker and not one.marker.evaluate({"extra": extra}):
            continue
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        needed = distribution(name).requires or []
        found.add(name)
        for wanted in one.extras or {""}:
            found |= {other for other in named(needed, wanted) if other not in found}
    return found


def main() -> None:
    """Write one file for each layer; a layer names the one below and adds its own."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = settings["project"], settings["dependency-groups"]
    optional = project["optional-dependencies"]
    write("build", settings["build-system"]["requires"], set())
    node = write("node", project["dependencies"] + optional["node"], set())
    demo = write("demo", optional["demo"], node, "node")
    test = write("test", groups["test"] + optional["postgresql"], demo, "demo")
    write("dev", groups["dev"], test, "test")


def write(layer: str, requirements: list[str], below: set[str], lower: str = "") -> set[str]:
    """Write the file of *layer*, and return every name it stands for."""
    names = named(requirements)
    pins = [f"{name}=={distribution(name).version}\n" for name in sorted(names - below)]
    include = f"-r {lower}.txt\n" if lower else ""
    (ROOT / "requirements" / f"{layer}.txt").write_text(HEADER + include + "".join(pins))
    return names | below


if __name__ == "__main__":
    main()
