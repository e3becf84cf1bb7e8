"""The target `torchscript`: for consumers in C++ and Java that have nothing newer. PyTorch calls it deprecated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ambidex.backends.source import Arrays, Options, Source
from ambidex.backends.torch._import import Untyped, torch
from ambidex.backends.torch.native import network
from ambidex.backends.torch.targets.batch import answer_with


def write(source: Source, output: Path, options: Options) -> None:
    """Writes one file, from the source of the module and not from a trace: batch and time stay free."""
    script: Untyped = torch.jit.script(network(source.graph, source.weights))
    with output.open("wb") as file:
        torch.jit.save(script, file)


def answer(output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
    """Raw outputs of the loaded script."""
    with output.open("rb") as file:
        script: Untyped = torch.jit.load(file)  # type: ignore[no-untyped-call]
    return answer_with(script, source, batches)
