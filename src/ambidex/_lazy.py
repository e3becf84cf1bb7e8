"""Names of the package that are imported when first used. Standard library only; no fallbacks, no discovery."""

from __future__ import annotations

import os
import sys

# Type checkers read this name as true; importing `typing` to get it would cost more than the rest of the package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def attach(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Gives `__getattr__` and `__dir__` (PEP 562) for `package`, whose names live in the modules of `places`.

    A name whose place is `package.name` is that module itself. With EAGER_IMPORT in the environment every name is
    loaded at once, so that a broken line of the table cannot hide.

    Example:
        >>> __getattr__, __dir__ = attach("ambidex", {"errors": "ambidex.errors"})
        >>> __getattr__("errors").__name__
        'ambidex.errors'
    """

    def load(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        from importlib import import_module

        module = import_module(places[name])
        value: object = module if places[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)  # the next use does not come here
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    if os.environ.get("EAGER_IMPORT"):
        for name in places:
            load(name)
    return load, names
