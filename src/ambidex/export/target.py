"""What a target is: a line of the table, and the two functions that its module has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from ambidex.backends.source import Arrays, Options, Source


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the table of targets.

    `module` has `write` and `answer`, see `Exporter`. An `engine` other than "" means that both run in processes of
    their own, each a fresh one, where `packages` are imported before the clock of writing starts. `needs` is what pip
    is asked for where one of `packages` is missing. `takes`: raw `columns`, packed, to public outputs, or `prepared`
    tensors to raw outputs. `strings`, `free_batch`, `free_time` say what survives; without the last, only histories of
    the window's length are answered. `runs_code`: loading it can execute code that is in it. `checked_in` is what
    `answer` runs; where that depends on what is installed, `runtimes` are packages with what it then is, of which the
    first that is here counts ("": always). `state` holds as of `as_of`. `options` are the fields of `Options` it
    understands, `precisions` what weights can be stored in. `form`: a file, a folder, or either by whether the name has
    a suffix.
    """

    name: str
    module: str
    summary: str
    takes: Literal["columns", "prepared"]
    form: Literal["file", "folder", "either"]
    strings: bool
    free_batch: bool
    free_time: bool
    checked_in: str
    runtimes: tuple[tuple[str, str], ...] = ()
    state: str
    as_of: str
    engine: Literal["", "torch", "tensorflow", "openvino", "mlflow", "torchserve"] = ""
    needs: str = ""
    packages: tuple[str, ...] = ()
    runs_code: bool = False
    destinations: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32",)


class Exporter(Protocol):
    """What a target's module looks like."""

    def write(self, source: Source, output: Path, options: Options) -> None:
        """Writes the model to `output`, which does not exist yet, in a folder of its own.

        What else it leaves in that folder ends up beside the output: formats of two files.
        """
        ...

    def answer(self, output: Path, source: Source, batches: Sequence[Arrays]) -> list[Arrays]:
        """What the written model gives for each batch, in the target's own runtime.

        Packed raw inputs (`numbers` float64, `texts` objects, `times` int64, …) to public outputs, or, for targets
        that take prepared tensors, those (float32, int64 codes) to raw outputs.
        """
        ...
