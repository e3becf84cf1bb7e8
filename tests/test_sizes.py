"""Nothing grows past the point where it can be read in one sitting: files, functions, nesting, parameters, names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "benchmarks", "examples")
FILES = sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

MOST_LINES = 400
MOST_BODY_LINES = 50
MOST_NESTING = 4
MOST_PARAMETERS = 6
# Names for what nobody could name; a module is called after the thing it holds.
FORBIDDEN = {"util", "utils", "helper", "helpers", "common", "misc", "core", "base", "manager", "handler", "impl"}

# What may exceed a bound, as "file" or "file:function", each with its reason.
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        (
            f"src/ambidex/estimators/{name}"
            for name in (
                "tabular.py:TabularClassifier.__init__",
                "tabular.py:TabularRegressor.__init__",
                "forecaster.py:Forecaster.__init__",
            )
        ),
        "scikit-learn reads an estimator's settings from its constructor's signature, so each is a parameter",
    ),
    **dict.fromkeys(
        (
            f"examples/{name}"
            for name in (
                "complete_forecast/timeseries_pytorch.py",
                "complete_forecast/timeseries_pytorch.py:fit",
                "complete_forecast/timeseries_deep_learning.py",
                "tabular_ann/tabular_ann_pytorch.py",
                "tabular_ann/tabular_ann_pytorch.py:fit",
                "tabular_ann/tabular_ann_keras.py",
            )
        ),
        "written by eject: a program in one file, which is what people look for",
    ),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def functions(tree: ast.AST, *, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function below a node with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        name = f"{prefix}{node.name}" if isinstance(node, ast.ClassDef | Function) else prefix.rstrip(".")
        if isinstance(node, Function):
            yield name, node
        yield from functions(node, prefix=f"{name}." if name else "")


def body_lines(function: Function) -> int:
    """The lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def nesting(node: ast.AST) -> int:
    """How deep blocks lie inside each other; an `elif` lies no deeper than its `if`, a nested function starts anew."""
    depths = [0]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        depths.append(nesting(child) + (isinstance(child, BLOCKS) and not is_elif))
    return max(depths)


def parameters(function: Function) -> int:
    """How many arguments a caller may pass, `self` and `cls` apart."""
    spec = function.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def too_large(name: str, source: str) -> list[str]:
    """What exceeds a bound in one file, as readable lines."""
    found = [(name, f"{source.count(chr(10))} lines, at most {MOST_LINES}")] if source.count("\n") > MOST_LINES else []
    is_test = name.startswith("tests/")
    for dotted, function in functions(ast.parse(source)):
        where = f"{name}:{dotted}"
        if (lines := body_lines(function)) > MOST_BODY_LINES:
            found.append((where, f"a body of {lines} lines, at most {MOST_BODY_LINES}"))
        if (depth := nesting(function)) > MOST_NESTING:
            found.append((where, f"{depth} blocks deep, at most {MOST_NESTING}"))
        # Fixtures and parameter sets reach a test as parameters; nobody calls it.
        if not (is_test and function.name.startswith("test_")) and (count := parameters(function)) > MOST_PARAMETERS:
            found.append((where, f"{count} parameters, at most {MOST_PARAMETERS}: make a record"))
    return [f"{where}: {what}" for where, what in found if where not in EXEMPT]


def test_every_file_keeps_within_the_bounds() -> None:
    found = [line for name in FILES for line in too_large(name, (ROOT / name).read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_every_module_is_named_after_the_thing_it_holds() -> None:
    def words(name: str) -> set[str]:
        return {word for part in Path(name).with_suffix("").parts for word in part.strip("_").split("_")}

    assert [name for name in FILES if name.startswith("src/") and words(name) & FORBIDDEN] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\n" * 401, "401 lines"),
        ("def f():\n    '''Doc.'''\n" + "    x = 1\n" * 51, "a body of 51 lines"),
        ("class C:\n    def f(self, a, b, c, d, e, *, g, h): ...\n", "C.f: 7 parameters"),
        (
            "def f():\n if a:\n  for b in c:\n   while d:\n    with e:\n     try:\n      g()\n     finally: pass\n",
            "5 blocks deep",
        ),
    ],
)
def test_the_check_notices_what_is_too_large(source: str, expected: str) -> None:
    assert [expected in line for line in too_large("file.py", source)] == [True]


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    '''" + "Doc.\n" * 60 + "'''\n    return 1\n",
        "class C:\n    def f(self, a, b, c, d, e, g): ...\n",
        "def f(x):\n" + "".join(f"  {'el' * (i > 0)}if x == {i}:\n    pass\n" for i in range(9)),
    ],
)
def test_docstrings_self_and_elif_do_not_count(source: str) -> None:
    assert too_large("file.py", source) == []


def test_exemptions_still_exist() -> None:
    for entry in EXEMPT:
        name, _, dotted = entry.partition(":")
        path = ROOT / name
        if not path.parent.joinpath("__init__.py").exists():
            continue
        assert path.exists(), f"{name} is exempt from the bounds but does not exist"
        assert not dotted or dotted in dict(functions(ast.parse(path.read_text(encoding="utf-8")))), entry
