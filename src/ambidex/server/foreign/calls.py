"""Foreign models for callers that block, which gRPC's threads are: some of them at a time, so that others stay free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ambidex.errors import expected, one_of
from ambidex.runtime.rows import refusal
from ambidex.server.foreign.friendly import ports
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.foreign.tensors import checked_inputs
from ambidex.server.request_error import RequestError
from ambidex.server.tensors import Wire

T = TypeVar("T")


class ForeignCalls:
    """Asks foreign models on behalf of at most `most` threads at a time; one more is refused with 503."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def metadata(self, model: ForeignModel) -> dict[str, Any]:
        """Inputs and outputs. Loads the model where that has not happened."""
        return self._wait(model, lambda: {"platform": model.kind.name, **ports(model.loaded)})

    def infer(self, model: ForeignModel, wires: Sequence[Wire], wanted: Sequence[str]) -> tuple[dict[str, Any], int]:
        """The members of an answer with the outputs wanted (empty: all), and how many rows went in.

        Raises `DataError` or `RequestError`.
        """

        def work() -> tuple[list[Wire], int]:
            known = [port.name for port in model.loaded.outputs]
            for name in wanted:
                if name not in known:
                    message = expected(one_of(known, name), got=f"output {name!r}", where="outputs")
                    raise refusal("unknown_output", message, "outputs")
            inputs = checked_inputs(model.loaded, wires)
            rows = inputs[0].shape[0] if inputs and inputs[0].shape else 1
            return model.run(inputs, wanted), rows

        outputs, rows = self._wait(model, work)
        described = [{"name": wire.name, "datatype": wire.datatype, "shape": list(wire.shape)} for wire in outputs]
        raw = [bytes(wire.data) for wire in outputs]
        names = {"model_name": model.name, "model_version": str(model.version)}
        return {**names, "outputs": described, "raw_output_contents": raw}, rows

    def _wait(self, model: ForeignModel, work: Callable[[], T]) -> T:
        if not self._free.acquire(blocking=False):
            raise RequestError(503, "overloaded", "Too many calls wait for foreign models already. Try again.")
        try:
            return model.wait(work)
        finally:
            self._free.release()
