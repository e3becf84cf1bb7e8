"""The torch and the Keras backend are twins: the same files, public names, methods and parameter names.

Read, not imported: two engines cannot share a process.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BACKENDS = Path(__file__).parent.parent / "src" / "ambidex" / "backends"
TWINS = ("torch", "keras")

Signatures = dict[str, tuple[str, ...]]


# Formats belong to a framework: what PyTorch can be written as is not what Keras can be written as.
# `plain` is TensorFlow without Keras, which some of its formats are written with.
UNPAIRED_FOLDERS = {"targets", "plain"}


def files(backend: Path) -> set[str]:
    """The modules of a backend, by their path below it."""
    found = (path.relative_to(backend) for path in backend.rglob("*.py"))
    return {path.as_posix() for path in found if path.parts[0] not in UNPAIRED_FOLDERS}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    """The names of a function's parameters, in order, keyword-only ones marked by a star before them."""
    spec = function.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    return (*names, *(["*"] if spec.kwonlyargs else []), *(arg.arg for arg in spec.kwonlyargs))


def public_names(source: str) -> Signatures:
    """What a module shows: its public functions, classes and their public methods, with parameter names."""
    found: Signatures = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            found[node.name] = parameters(node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = ()
            found |= {
                f"{node.name}.{method.name}": parameters(method)
                for method in node.body
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
                and (not method.name.startswith("_") or method.name == "__init__")
            }
    return found


def shared_files() -> list[str]:
    """The modules that both twins have now."""
    return sorted(files(BACKENDS / TWINS[0]) & files(BACKENDS / TWINS[1]))


# Modules that only one engine needs, each with its reason.
ONLY_IN: dict[str, dict[str, str]] = {
    "torch": {},
    "keras": {
        "engine.py": "Keras runs on one of two engines; PyTorch is one",
        "steps_tensorflow.py": "what differs between the two engines",
        "steps_jax.py": "what differs between the two engines",
        "program.py": "a compiled step is a function of values; PyTorch's step acts on the module itself",
        "samples.py": "gathering happens inside the compiled step; in PyTorch it is a few lines of the trainer",
        "update.py": "PyTorch brings the update equations",
    },
}
# Public names that only one engine needs, as "file:name", each with its reason.
ONLY_NAMED: dict[str, dict[str, str]] = {
    "torch": {
        "device.py:limited_threads": "TensorFlow and JAX take the number of threads once, before they begin",
        "weights.py:recurrent_places": "a module of PyTorch's stacks recurrent layers, Keras has one for each",
    },
    "keras": {
        "_import.py:active_engine": "Keras runs on one of two engines; PyTorch is one",
        "_import.py:require_plain": "TensorFlow can be had without Keras",
        "device.py:scope": "Keras places tensors by context, PyTorch each where it is told",
        "weights.py:Place.canonical_shape": "some variables of Keras have axes that the weight has not",
        "lower.py:lower_for_training": "Keras settles precision where a layer is made, PyTorch around the module",
        **dict.fromkeys(
            (
                f"optimizer.py:PlanOptimizer{method}"
                for method in (
                    "",
                    ".__init__",
                    ".build",
                    ".apply",
                    ".update_step",
                    ".slots_of",
                    ".get_config",
                    ".from_config",
                )
            ),
            "PyTorch's own optimizers compute the equation",
        ),
    },
}


def test_twins_have_the_same_files() -> None:
    torch, keras = (files(BACKENDS / twin) - ONLY_IN[twin].keys() for twin in TWINS)
    assert torch == keras


def test_twins_show_the_same_names_and_parameters() -> None:
    torch, keras = (
        {
            f"{name}:{public}": spelled
            for name in shared_files()
            for public, spelled in public_names((BACKENDS / twin / name).read_text(encoding="utf-8")).items()
            if f"{name}:{public}" not in ONLY_NAMED[twin]
        }
        for twin in TWINS
    )
    assert torch == keras


def test_exceptions_still_exist() -> None:
    for twin in TWINS:
        assert set(ONLY_IN[twin]) <= files(BACKENDS / twin)
        for entry in ONLY_NAMED[twin]:
            name, _, public = entry.partition(":")
            assert public in public_names((BACKENDS / twin / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def run(a, *, b=1): ...", {"run": ("a", "*", "b")}),
        ("def _hidden(a): ...", {}),
        (
            "class T:\n    def __init__(self, x): ...\n    def go(self): ...\n    def _no(self): ...",
            {"T": (), "T.__init__": ("self", "x"), "T.go": ("self",)},
        ),
    ],
)
def test_public_names_are_read_with_their_parameters(source: str, expected: Signatures) -> None:
    assert public_names(source) == expected
