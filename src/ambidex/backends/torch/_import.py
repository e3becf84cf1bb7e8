"""The only place where PyTorch is imported; the other modules of this engine take it from here."""

from __future__ import annotations

import re
from typing import Any

from ambidex.errors import BackendError

_NEEDS = "Backend 'torch' needs torch >= 2.4: pip install 'ambidex[torch]'."

try:
    import torch
    from torch import Tensor, fx, nn
    from torch.nn import functional
except ImportError as _error:
    raise BackendError(_NEEDS) from _error

if tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2]) < (2, 4):
    raise BackendError(f"{_NEEDS} Found {torch.__version__}.")


def require(engine: str) -> None:
    """Makes sure that the engine can run in this process; PyTorch is there as soon as this module is."""
    assert engine == "torch"


Untyped = Any
"""What PyTorch itself leaves without a type."""

__all__ = ["Tensor", "Untyped", "functional", "fx", "nn", "require", "torch"]
