"""The target `triton`: a model repository for NVIDIA Triton's ONNX Runtime backend, strings and all.

OUT/NAME/config.pbtxt
OUT/NAME/1/model.onnx
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ambidex.backends.source import Arrays, Options, Source
from ambidex.errors import CertificateError, expected
from ambidex.export.onnx import target as onnx
from ambidex.runtime.session import Signature, open_session

MOST_ROWS = 1024
"""Of one batch. More rows in one request are refused by Triton."""
TYPES = {"float64": "TYPE_FP64", "float32": "TYPE_FP32", "int64": "TYPE_INT64", "string": "TYPE_STRING"}


def write(source: Source, output: Path, options: Options) -> None:
    """Writes the repository with one model in it, called after the source."""
    model = onnx.model_of(source, options)
    session = open_session(model)
    version = output / source.name / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(model)
    config = config_text(source.name, session.inputs, session.outputs)
    (version.parent / "config.pbtxt").write_text(config, encoding="utf-8")


def config_text(name: str, inputs: Iterable[Signature], outputs: Iterable[Signature]) -> str:
    """`config.pbtxt`: requests that arrive together become one batch; one thread, as suits small networks."""
    lines = [
        f"name: {_quote(name)}",
        'backend: "onnxruntime"',
        f"max_batch_size: {MOST_ROWS}",
        "dynamic_batching { }",
        *(_port("input", port) for port in inputs),
        *(_port("output", port) for port in outputs),
        'parameters { key: "intra_op_thread_count" value { string_value: "1" } }',
        "instance_group [ { kind: KIND_CPU } ]",
    ]
    return "\n".join(lines) + "\n"


def _port(kind: str, port: Signature) -> str:
    """An input or output without its batch axis; a column of single values is (B, 1) for clients, (B,) inside."""
    dims = [-1 if size is None else size for size in port.shape[1:]]
    shape = f"dims: [ {', '.join(map(str, dims))} ]" if dims else "dims: [ 1 ] reshape { shape: [ ] }"
    return f"{kind} [ {{ name: {_quote(port.name)} data_type: {TYPES[port.dtype]} {shape} }} ]"


def _quote(text: str) -> str:
    """A string of protobuf's text format, which takes JSON's escapes."""
    return msgspec.json.encode(text).decode()


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs in ONNX Runtime, which is what Triton runs, after the layout has been checked."""
    folder = output / source.name
    found = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    wanted = [f"{source.name}/1/model.onnx", f"{source.name}/config.pbtxt"]
    if found != wanted:
        raise CertificateError(expected(f"the files {', '.join(wanted)}", got=", ".join(found), where=str(output)))
    return onnx.answer(folder / "1" / "model.onnx", source, batches)
