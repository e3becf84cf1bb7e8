"""The target `pt2`: `torch.export`'s program in one file, with a free batch.

Time is fixed at the window: `torch.export` writes recurrent layers out step by step (seen in 2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ambidex.backends.source import Arrays, Options, Source
from ambidex.backends.torch._import import Untyped, torch
from ambidex.backends.torch.native import network
from ambidex.backends.torch.targets.batch import answer_with
from ambidex.backends.torch.targets.example import example_of


def exported_program(source: Source, *, most_rows: int | None = None) -> Untyped:
    """The network as a `torch.export.ExportedProgram`, the first axis free, or free up to `most_rows`."""
    example = example_of(source)
    batch = torch.export.Dim("batch", min=1, max=most_rows)
    shapes = tuple({0: batch} for _ in example)
    return torch.export.export(network(source.graph, source.weights), tuple(example), dynamic_shapes=shapes)


def write(source: Source, output: Path, options: Options) -> None:
    """Writes one file."""
    with output.open("wb") as file:  # a name without the suffix would be refused
        torch.export.save(exported_program(source), file)


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of the loaded program."""
    with output.open("rb") as file:
        program = torch.export.load(file)
    return answer_with(program.module(), source, batches)
