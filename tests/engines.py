"""Which test modules belong to which engine, found by reading them, since importing one would load its engine."""

from __future__ import annotations

import ast
import functools
from importlib.util import find_spec
from pathlib import Path

# The package whose presence means that an engine can be tested. JAX runs below Keras, as TensorFlow does.
# "both" is PyTorch and TensorFlow together, which only an exchange of a user's own networks needs.
PACKAGES = {"torch": ("torch",), "tensorflow": ("tensorflow",), "jax": ("jax",), "both": ("torch", "tensorflow")}

# Importing any of these loads an engine into the process.
LOADS_ENGINE = ("torch", "keras", "tensorflow", "jax", "ambidex.backends.torch", "ambidex.backends.keras")


def is_installed(engine: str) -> bool:
    """Whether an engine can be imported here, found out without importing it."""
    return all(find_spec(package) is not None for package in PACKAGES[engine])


@functools.cache
def engines_of(path: Path) -> frozenset[str]:
    """The engines that a test module names in its module-level `pytestmark`; empty if it has none."""
    marks: set[str] = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets
        ):
            marks |= {node.attr for node in ast.walk(statement.value) if isinstance(node, ast.Attribute)}
    return frozenset(marks & PACKAGES.keys())


def engine_imports(path: Path) -> frozenset[str]:
    """The modules that a file imports at its top level and that load an engine."""
    found: set[str] = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        found |= {name for name in _imported(statement) if _loads_engine(name)}
    return frozenset(found)


def _imported(statement: ast.stmt) -> set[str]:
    """The modules that one statement imports, by `import`, `from … import` or `pytest.importorskip`."""
    if isinstance(statement, ast.Import):
        return {alias.name for alias in statement.names}
    if isinstance(statement, ast.ImportFrom) and statement.module:
        return {statement.module} | {f"{statement.module}.{alias.name}" for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        is_import = isinstance(call.func, ast.Attribute) and call.func.attr in {"importorskip", "import_module"}
        return (
            {arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
            if (is_import)
            else set()
        )
    return set()


def _loads_engine(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in LOADS_ENGINE)
