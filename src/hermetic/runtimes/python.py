"""What a Python service takes and gives, read from its type hints.

The source is parsed and never run: publishing a service must not execute it on the publisher's
machine.  So only what stands in the text counts: a function defined at the top of the file, and
hints that name a builtin or something imported there.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hermetic.errors import BadInput
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.values import WireType

RESULT = "result"
"""The name of the output of a function whose hint gives it a type and no name."""

_TYPES = {
    "float": WireType.NUMERIC,
    "numpy.float64": WireType.NUMERIC,
    "numpy.float32": WireType.NUMERIC,
    "int": WireType.INTEGER,
    "numpy.int64": WireType.INTEGER,
    "numpy.int32": WireType.INTEGER,
    "str": WireType.CHARACTER,
    "bool": WireType.LOGICAL,
    "numpy.bool_": WireType.LOGICAL,
    "list": WireType.VECTOR,
    "typing.List": WireType.VECTOR,
    "typing.Sequence": WireType.VECTOR,
    "collections.abc.Sequence": WireType.VECTOR,
    "numpy.ndarray": WireType.VECTOR,
    "numpy.typing.NDArray": WireType.VECTOR,
    "numpy.matrix": WireType.MATRIX,
    "pandas.DataFrame": WireType.DATA_FRAME,
}
_SEVERAL = {"dict", "typing.Dict", "collections.abc.Mapping", "typing.Mapping", "tuple"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def describe(
    source: str,
    function: str = "run",
    *,
    file: str = "score.py",
    inputs: Sequence[Parameter] = (),
    outputs: Sequence[Parameter] = (),
) -> Schema:
    """Return the schema of *function* in *source*.

    `run(raw_data)` without a hint is a function of the whole body, as in Azure ML; it has no
    inputs of its own.  The types told in *inputs* win over the hints; *outputs* stand for a hint
    that names none.  Errors call the source *file*.

    Raises:
        BadInput: The source is no Python, lacks the function, or does not say its types.
    """
    reading = _Reading.of(source, file)
    found = reading.function(function)
    return Schema(
        inputs=tuple(reading.inputs(found, {one.name: one for one in inputs})),
        outputs=tuple(outputs) or tuple(reading.outputs(found)),
    )


@dataclass(frozen=True)
class _Reading:
    """One source, and what the names imported in it stand for."""

    tree: ast.Module
    file: str
    names: dict[str, str]

    @classmethod
    def of(cls, source: str, file: str) -> "_Reading":
        """Parse *source*."""
        try:
            tree = ast.parse(source, filename=file)
        except SyntaxError as error:
            raise BadInput(
                f"{file}:{error.lineno or 1}: this is not Python: {error.msg}."
            ) from None
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{file}: this is not Python: {error}.") from None
        return cls(tree, file, dict(_imported(tree)))

    def refuse(self, node: ast.stmt | ast.expr | ast.arg, sentence: str) -> BadInput:
        """Return the error that *sentence* is, with the line of *node*."""
        return BadInput(f"{self.file}:{node.lineno}: {sentence}")

    def function(self, name: str) -> Function:
        """Return the function a call begins at; the last one of its name, as Python would."""
        there = [one for one in self.tree.body if isinstance(one, Function)]
        named = [one for one in there if one.name == name]
        if not named:
            others = ", ".join(f"{one.name}()" for one in there) or "no function"
            raise BadInput(
                f"{self.file} defines no {name}() at its top level, only {others}:"
                f" write `def {name}(x: float) -> float:`, or publish"
                " `module:function` to name another."
            )
        for one in there:
            if one.name == "init" and name == "run" and _needs(one):
                raise self.refuse(one, "init() is called without arguments: give each a default.")
        return named[-1]

    def inputs(self, function: Function, told: dict[str, Parameter]) -> Iterator[Parameter]:
        """Yield the inputs in their order; inputs that only `**names` takes come last."""
        self._refuse_nameless(function)
        named = [*function.args.args, *function.args.kwonlyargs]
        further = [one for one in told if one not in {arg.arg for arg in named}]
        if further and not function.args.kwarg:
            known = ", ".join(arg.arg for arg in named) or "nothing"
            raise self.refuse(
                function, f"{function.name}() takes no {further[0]!r}, but {known}: mend --input."
            )
        if self.is_raw(function) and not told:
            return  # Azure ML's run(raw_data): the whole body.
        for arg in named:
            yield told.get(arg.arg) or self.parameter(arg)
        yield from (told[name] for name in further)

    def _refuse_nameless(self, function: Function) -> None:
        taken = function.args
        if taken.posonlyargs:
            raise self.refuse(
                taken.posonlyargs[0],
                f"{function.name}() is called with names, which / forbids: remove the /.",
            )
        if taken.vararg:
            raise self.refuse(
                taken.vararg,
                f"*{taken.vararg.arg} has no names a caller could use: name each input.",
            )

    def parameter(self, arg: ast.arg) -> Parameter:
        """Return one input by its hint."""
        if arg.annotation is None:
            raise self.refuse(
                arg,
                f"{arg.arg} has no type: write `{arg.arg}: float`,"
                f" or pass --input {arg.arg}:numeric.",
            )
        kind = self.wire_type(arg.annotation)
        if kind is None:
            known = "float, int, str, bool, list, numpy.ndarray, numpy.matrix, pandas.DataFrame"
            raise self.refuse(
                arg,
                f"{ast.unparse(arg.annotation)} is no type {arg.arg} could have on the wire:"
                f" use one of {known}, or pass --input {arg.arg}:TYPE.",
            )
        return Parameter.parse(arg.arg, kind)

    def outputs(self, function: Function) -> Iterator[Parameter]:
        """Yield the one output the hint gives, or none for `-> None`."""
        hint = function.returns
        if hint is None:
            if self.is_raw(function):
                return
            raise self.refuse(
                function,
                f"{function.name}() does not say what it returns: write `-> float`,"
                f" or pass --output {RESULT}:numeric.",
            )
        if isinstance(hint, ast.Constant) and hint.value is None:
            return
        kind = self.wire_type(hint)
        if kind is None:
            written = ast.unparse(hint)
            several = self.full_name(_bare(hint)) in _SEVERAL or self.is_typed_dict(hint)
            raise self.refuse(
                function,
                f"{written} does not name the outputs: pass --output NAME:TYPE for each."
                if several
                else f"{written} is no type for the wire: pass --output {RESULT}:TYPE.",
            )
        yield Parameter(RESULT, kind)

    def is_raw(self, function: Function) -> bool:
        """Whether *function* takes the whole body and gives whatever it likes."""
        named = [*function.args.args, *function.args.kwonlyargs]
        return len(named) == 1 and named[0].annotation is None

    def wire_type(self, hint: ast.expr) -> WireType | None:
        """Return what *hint* is on the wire, if it is anything."""
        if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
            try:
                return self.wire_type(ast.parse(hint.value, mode="eval").body)
            except SyntaxError:
                return None
        name = self.full_name(_bare(hint))
        if name.endswith(".Annotated") and isinstance(hint, ast.Subscript):
            inner = hint.slice
            return self.wire_type(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
        if isinstance(hint, ast.Subscript) and isinstance(hint.slice, ast.Subscript):
            nested = self.wire_type(hint.slice)
            if nested is WireType.VECTOR and name in {"list", "typing.List"}:
                return None  # A list of lists: whether a matrix is meant the publisher must say.
        return _TYPES.get(name)

    def full_name(self, expression: ast.expr) -> str:
        """Return the dotted name *expression* stands for, "" if it is none."""
        if isinstance(expression, ast.Attribute):
            return f"{self.full_name(expression.value)}.{expression.attr}"
        if isinstance(expression, ast.Name):
            return self.names.get(expression.id, expression.id)
        return ""

    def is_typed_dict(self, hint: ast.expr) -> bool:
        """Whether *hint* names a `TypedDict` of this source."""
        name = self.full_name(hint)
        return any(
            isinstance(one, ast.ClassDef)
            and one.name == name
            and any(self.full_name(base).endswith("TypedDict") for base in one.bases)
            for one in self.tree.body
        )


def _bare(hint: ast.expr) -> ast.expr:
    """Return *hint* without what stands in brackets."""
    return hint.value if isinstance(hint, ast.Subscript) else hint


def _needs(function: Function) -> bool:
    """Whether *function* cannot be called without arguments."""
    taken = function.args
    optional = len(taken.defaults)
    missing = [one for one in taken.kw_defaults if one is None]
    return len(taken.posonlyargs) + len(taken.args) > optional or bool(missing)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name the imports of *tree* bind, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
