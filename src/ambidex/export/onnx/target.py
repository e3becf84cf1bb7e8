"""The target `onnx`: our writer, and ONNX Runtime to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ambidex.artifact.store import write_whole
from ambidex.backends.source import Arrays, Options, Source
from ambidex.export.answer import answer as run_session
from ambidex.export.onnx.model import export_onnx
from ambidex.export.onnx.proto import check
from ambidex.graph.op import Array
from ambidex.graph.ports import by_column, output_names
from ambidex.runtime.session import Session, open_session


def model_of(source: Source, options: Options) -> bytes:
    """The ONNX file that these options ask for."""
    return export_onnx(
        source.graph,
        source.weights,
        metadata=source.metadata,
        layouts=None if options.packed else source.layouts,
        float32_inputs=options.float32_inputs,
        precision=options.precision,
    )


def write(source: Source, output: Path, options: Options) -> None:
    """Writes one file."""
    write_whole(output, [model_of(source, options)])


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs as ONNX Runtime computes them, after the checker of the onnx package has read the file."""
    model = output.read_bytes()
    check(model)
    session = open_session(model)
    return [answer_packed(session, source, batch) for batch in batches]


def answer_packed(session: Session, source: Source, batch: Mapping[str, Array]) -> Arrays:
    """Public outputs of a model of ours for packed inputs, whichever form its inputs have."""
    dtypes = {port.name: port.dtype for port in session.inputs}
    is_packed = set(dtypes) == {value.name for value in source.graph.inputs}
    feeds = dict(batch) if is_packed else by_column(batch, source.layouts)
    typed = {
        name: values.astype(dtypes[name]) if values.dtype.kind == "f" else values for name, values in feeds.items()
    }
    outputs = run_session(session, typed)
    return {public: outputs[name] for public, name in output_names(source.graph, list(dtypes)).items()}
