"""The table of targets: every format a model can leave in, in one literal place."""

from __future__ import annotations

from ambidex.errors import UsageError, expected, one_of
from ambidex.export.target import Target

AS_OF = "2026-11"

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="onnx",
            module="ambidex.export.onnx.target",
            summary="One file with one input per column: preparation, network and decoding inside.",
            takes="columns",
            form="file",
            strings=True,
            free_batch=True,
            free_time=True,
            checked_in="onnxruntime",
            state="ONNX Runtime 1.31: the default wherever there is a CPU, and in the browser",
            as_of=AS_OF,
            needs="onnx>=1.17",
            packages=("onnx",),
            destinations=("browser", "c++", "java", "c#", "node", "ios", "python", "server"),
            options=("packed", "float32_inputs"),
        ),
    )
}


def find_target(name: str) -> Target:
    """The target of that name; a `UsageError` with the nearest one where there is none."""
    if name not in TARGETS:
        raise UsageError(expected(f"a target, {one_of(TARGETS, name)}", got=repr(name), where="--to"), where="--to")
    return TARGETS[name]


def target_for(destination: str) -> Target:
    """The target that a destination is best served with."""
    by_place = {place: target for target in TARGETS.values() for place in target.destinations}
    if destination not in by_place:
        message = expected(f"a destination, {one_of(by_place, destination)}", got=repr(destination), where="--for")
        raise UsageError(message, where="--for")
    return by_place[destination]
