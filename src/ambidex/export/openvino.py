"""The target `openvino`: the network as OpenVINO's own files, `.xml` for the graph and `.bin` for the weights.

OpenVINO lacks lookups of strings and calendar arithmetic, so the network starts from prepared tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ambidex.backends.source import Arrays, Options, Source
from ambidex.errors import UsageError, expected
from ambidex.export.onnx.model import export_network
from ambidex.graph import network_values

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
"""Without it the CPU plugin computes in bfloat16 where the processor can: differences of 5e-3."""


def write(source: Source, output: Path, options: Options) -> None:
    """`NAME.xml` with `NAME.bin` beside it, or a folder with `model.xml` and `model.bin`."""
    if output.suffix not in ("", ".xml"):
        fix = "Without a suffix it is a folder with model.xml and model.bin."
        raise UsageError(expected("a name with .xml", got=repr(output.name), where="-o", fix=fix))
    openvino: Any = import_module("openvino")
    model = openvino.Core().read_model(export_network(source.graph, source.weights, metadata=source.metadata))
    if not output.suffix:
        output.mkdir()
    openvino.save_model(model, _graph_file(output), compress_to_fp16=options.precision == "float16")


def _graph_file(output: Path) -> Path:
    return output if output.suffix else output / "model.xml"


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of OpenVINO's CPU plugin in float32."""
    openvino: Any = import_module("openvino")
    compiled = openvino.Core().compile_model(_graph_file(output), "CPU", EXACT)
    values = network_values(source.graph)
    answers = []
    for batch in batches:
        found = compiled(batch)
        # OpenVINO may return a buffer that the next call writes into.
        answers.append({name: found[name].astype(values[name].dtype) for name in source.graph.raw_outputs})
    return answers
