"""The parts of a program as one file; its imports follow from the names that it uses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IMPORTS: dict[str, str] = {
    "argparse": "import argparse",
    "csv": "import csv",
    "gzip": "import gzip",
    "io": "import io",
    "json": "import json",
    "math": "import math",
    "os": "import os",
    "sys": "import sys",
    "nullcontext": "from contextlib import nullcontext",
    "UTC": "from datetime import UTC",
    "datetime": "from datetime import datetime",
    "timedelta": "from datetime import timedelta",
    "blake2b": "from hashlib import blake2b",
    "Path": "from pathlib import Path",
    "monotonic": "from time import monotonic",
    "keras": "import keras",
    "np": "import numpy as np",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "layers": "from keras import layers",
    "sliding_window_view": "from numpy.lib.stride_tricks import sliding_window_view",
    "load_file": "from safetensors.torch import load_file",
    "save_file": "from safetensors.torch import save_file",
    "nn": "from torch import nn",
    "DataLoader": "from torch.utils.data import DataLoader",
}
"""The statement behind every imported name, in the order in which they are written."""
_OTHERS = frozenset(
    {"sliding_window_view", "keras", "np", "torch", "F", "layers", "load_file", "save_file", "nn", "DataLoader"}
)
ENTRY = ["", "", 'if __name__ == "__main__":', "    main()"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a program: what it is about, and its lines."""

    title: str
    lines: tuple[str, ...]


def as_one(name: str, doc: str, parts: Sequence[Part]) -> dict[str, str]:
    """One file of all parts; it ends in a call of `main`, unless a part is what runs already."""
    lines = [line for part in parts for line in ("", "", *_titled(part), *part.lines)][2:]
    used = _used(lines) - _defined(lines)
    entry = [] if ENTRY[2] in lines else ENTRY
    gap = [""] if lines[0].startswith(("def ", "class ")) else []
    return {f"{name}.py": "\n".join([*_doc(doc), *_imports(used), *gap, *lines, *entry]) + "\n"}


def _titled(part: Part) -> list[str]:
    """A comment above the part; two blank lines where a definition follows."""
    if not part.title:
        return []
    return [f"# {part.title}", *(["", ""] if part.lines[0].startswith(("def ", "class ")) else [""])]


def _doc(doc: str) -> list[str]:
    if "\n" in doc or len(doc) > 82:
        first, _, rest = doc.partition("\n")
        return [f'"""{first}', *rest.split("\n"), '"""', ""]
    return [f'"""{doc}"""', ""]


def _imports(used: Iterable[str]) -> list[str]:
    names = [name for name in IMPORTS if name in set(used)]
    ours = [IMPORTS[name] for name in names if name not in _OTHERS]
    theirs = [IMPORTS[name] for name in names if name in _OTHERS]
    blocks = [_merged(ours), _merged(theirs)]
    lines: list[str] = []
    for block in blocks:
        lines += [*block, ""] if block else []
    return lines


def _merged(statements: Sequence[str]) -> list[str]:
    """Statements with those from one module joined; `import x` before `from x import y`."""
    plain = [statement for statement in statements if statement.startswith("import")]
    by_module: dict[str, list[str]] = {}
    for statement in statements:
        if statement.startswith("from"):
            _, module, _, name = statement.split(" ", 3)
            by_module.setdefault(module, []).append(name)
    return [*plain, *(f"from {module} import {', '.join(names)}" for module, names in by_module.items())]


def _defined(lines: Iterable[str]) -> set[str]:
    """Names that the top level defines."""
    found: set[str] = set()
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


def _used(lines: Iterable[str]) -> set[str]:
    """Names that are read anywhere."""
    tree = ast.parse("\n".join(lines))
    local = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for argument in node.args}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return names - (local - set(IMPORTS))
