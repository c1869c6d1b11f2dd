"""Writes the page of the client library that has the names of azureml-core."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).resolve().parents[1] / "shims" / "hermetic-azureml" / "src"
MODULES = (
    "azureml.core.workspace",
    "azureml.core.authentication",
    "azureml.core.compute.compute",
    "azureml.core.compute.aks",
    "azureml.core.environment",
    "azureml.core.conda_dependencies",
    "azureml.core.model",
    "azureml.core.webservice.webservice",
    "azureml.core.webservice.aci",
    "azureml.core.webservice.aks",
    "azureml.exceptions",
)


def page() -> str:
    """Return the page: classes by module, with what can be called and what it raises."""
    if str(SOURCE) not in sys.path:
        sys.path.insert(0, str(SOURCE))
    head = (
        "# hermetic-azureml\n\n"
        "The names of `azureml-core` that [Hermetic answers to](../how-to/azure-ml.md), for machines\n"
        "where the original is not installed. Parameters mean what they mean there.\n"
    )
    lines = [head]
    for name in MODULES:
        module = importlib.import_module(name)
        lines.append(f"\n## {name}\n\n{inspect.getdoc(module)}\n")
        for kind in _classes(module):
            lines += _told(kind)
    return "".join(lines)


def _classes(module: ModuleType) -> Iterator[type]:
    """Yield what *module* is imported for, in the order in which it stands there."""
    named = getattr(module, "__all__", None)
    for name, one in vars(module).items():
        if inspect.isclass(one) and one.__module__.startswith("azureml."):
            own = one.__module__ == module.__name__
            if not name.startswith("_") and (name in named if named else own):
                yield one


def _told(kind: type) -> Iterator[str]:
    yield f"\n### {kind.__name__}\n\n{inspect.getdoc(kind)}\n"
    begun = vars(kind).get("__init__")
    if inspect.isfunction(begun) and begun.__doc__:
        yield _function(kind.__name__, begun)
    inherited = [base for base in kind.__mro__[1:] if base.__name__.startswith("_")]
    members = {name: one for base in (*inherited, kind) for name, one in vars(base).items()}
    for name, one in members.items():
        if inspect.isclass(one) and one.__qualname__ == one.__name__ and not name.startswith("_"):
            yield f"\n`{kind.__name__}.{name}(…)` is `{one.__name__}(…)`.\n"
        function = one.__func__ if isinstance(one, staticmethod | classmethod) else one
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        yield _function(f"{kind.__name__}.{name}", function)


def _function(name: str, function: object) -> str:
    assert callable(function)
    names = []
    for one in inspect.signature(function).parameters.values():
        if one.name in {"self", "cls"} or one.name.startswith("_"):
            continue
        given = "" if one.default is inspect.Parameter.empty else f"={one.default!r}"
        names.append(f"{one.name}{given}")
    shown = inspect.getdoc(function) or ""
    text = "\n".join(f"    {line}".rstrip() for line in shown.splitlines())
    return f"\n```text\n{name}({', '.join(names)})\n{text}\n```\n"


if __name__ == "__main__":
    print(page())
