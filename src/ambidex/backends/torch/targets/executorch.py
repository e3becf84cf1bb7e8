"""The target `executorch`: a `.pte` for PyTorch's runtime on phones, its heavy parts for the XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ambidex.backends.source import Arrays, Options, Source
from ambidex.backends.torch._import import Untyped
from ambidex.backends.torch.targets.batch import answer_with
from ambidex.backends.torch.targets.pt2 import exported_program
from ambidex.errors import CertificateError, expected

MOST_ROWS = 512
"""Of one call: the runtime plans its memory for the largest batch when the file is written."""


def write(source: Source, output: Path, options: Options) -> None:
    """Writes one file."""
    exir: Untyped = import_module("executorch.exir")
    xnnpack: Untyped = import_module("executorch.backends.xnnpack.partition.xnnpack_partitioner")
    program = exported_program(source, most_rows=MOST_ROWS)
    lowered = exir.to_edge_transform_and_lower(program, partitioner=[xnnpack.XnnpackPartitioner()])
    _check_batch(lowered.exported_program())
    output.write_bytes(lowered.to_executorch().buffer)


def _check_batch(program: Untyped) -> None:
    """Refuses a batch that lowering has fixed at the example's size, as ExecuTorch 1.5 does to a GRU's."""
    given = set(program.graph_signature.user_inputs)
    batches = [str(node.meta["val"].shape[0]) for node in program.graph.nodes if node.name in given]
    fixed = [batch for batch in batches if batch.isdigit()]  # a free one prints as its symbol
    if fixed:
        fix = "Export to onnx or litert, or train an lstm."
        raise CertificateError(
            expected("a free batch after lowering", got=f"one of {fixed[0]} rows", where="ExecuTorch", fix=fix)
        )


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of the ExecuTorch runtime."""
    runtime: Untyped = import_module("executorch.runtime")
    method = runtime.Runtime.get().load_program(output).load_method("forward")

    def network(*tensors: Untyped) -> Untyped:
        found = method.execute(list(tensors))
        names = source.graph.raw_outputs
        return {name: tensor.clone() for name, tensor in zip(names, found, strict=True)}

    return answer_with(network, source, batches)
