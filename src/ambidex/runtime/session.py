"""What a running model looks like to everybody above, and how one is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from ambidex.errors import UsageError, expected
from ambidex.schema.tensor import Tensor, TensorType

CHOICE_VARIABLE = "AMBIDEX_ORT"
"""Environment variable: `c_api` or `binding` picks the way to onnxruntime, otherwise the first that is there."""


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input or output of a graph: name, element type and shape, where None is a free dimension."""

    name: str
    dtype: TensorType
    shape: tuple[int | None, ...]


class Session(Protocol):
    """A loaded model. `run` may be called by several threads at once."""

    @property
    def inputs(self) -> tuple[Signature, ...]:
        """The graph's inputs, in its own order."""
        ...

    @property
    def outputs(self) -> tuple[Signature, ...]:
        """The graph's outputs, in its own order."""
        ...

    @property
    def metadata(self) -> dict[str, str]:
        """The texts the model carries about itself."""
        ...

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        """The outputs asked for (None: all), by name.

        Results are copies of their own: flat memoryviews of their type, or a list of `str`. Raises `DataError` for
        feeds that do not fit the graph, `TrainingError` if the graph itself fails, `UsageError` once closed.
        """
        ...

    def close(self) -> None:
        """Gives the model's memory back, once calls in flight have ended. Closing twice is fine."""
        ...


def open_session(model: bytes, *, threads: int = 1) -> Session:
    """A session of the ONNX model. Raises `ArtifactError` if onnxruntime refuses it, `BackendError` without one.

    `threads` work inside one operator; small models are fastest with one. The C API of the library inside
    onnxruntime's wheel is used where it can be found, because it needs no numpy; else the Python binding.
    """
    silence_telemetry()
    choice = os.environ.get(CHOICE_VARIABLE, "")
    if choice not in ("", "c_api", "binding"):
        place = f"environment variable {CHOICE_VARIABLE}"
        raise UsageError(expected("c_api or binding", got=repr(choice), where=place))
    if choice != "binding":
        from ambidex.runtime.library import load_api

        api = load_api(is_required=choice == "c_api")
        if api is not None:
            from ambidex.runtime.c_api import CSession

            return CSession(api, model, threads=threads)
    from ambidex.runtime.binding import BindingSession

    return BindingSession(model, threads=threads)


def silence_telemetry() -> None:
    """Keeps onnxruntime (1.29 and later) from sending usage data; must precede its loading."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
