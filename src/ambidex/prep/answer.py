"""Decoding: from the network's raw output to labels, probabilities, numbers and quantiles, inside the graph."""

from __future__ import annotations

from ambidex.graph import Builder
from ambidex.schema import Task


def add_class_answer(builder: Builder, raw: str, task: Task) -> dict[str, str]:
    """Adds the decoding of logits (B, 1) or (B, K); returns public names: the label and the probabilities."""
    target = task.targets[0]
    if task.kind == "binary":
        probabilities = builder.add("decode", "probabilities", "sigmoid_pair", raw)
        decision = builder.add("decode", "decision", "threshold", probabilities, threshold=task.threshold)
    else:
        probabilities = builder.add("decode", "probabilities", "softmax", raw)
        decision = builder.add("decode", "decision", "argmax", probabilities)
    label = builder.add("decode", "label", "label", decision, classes=list(target.classes))
    return {target.name: label, f"{target.name}_probabilities": probabilities}


def add_number_answer(
    builder: Builder, raw: str, task: Task, center: list[float], scale: list[float]
) -> dict[str, str]:
    """Adds the decoding of numbers (B, Q · targets), quantiles one after the other; returns public names."""
    levels: list[str] = []
    size = len(task.targets)
    for position in range(max(1, len(task.quantiles))):
        part = raw
        if task.quantiles:
            start = position * size
            part = builder.add("decode", f"level_{position}", "slice", raw, axis=1, start=start, stop=start + size)
        name = f"numbers_{position}"
        levels.append(builder.add("decode", name, "unstandardize", part, center=center, scale=scale))
    return add_target_answers(builder, levels, task)


def add_target_answers(builder: Builder, levels: list[str], task: Task) -> dict[str, str]:
    """Splits levels, each (B, targets) or (B, H, targets), into answers per target.

    Without quantiles there is one level, the answer. With them the levels are sorted into (…, Q), and the answer is
    the median if it was asked for, else the middle level.
    """
    outputs: dict[str, str] = {}
    rank = len(builder.value(levels[0]).shape)
    for position, target in enumerate(task.targets):
        columns = [_column(builder, level, position, len(task.targets)) for level in levels]
        if not task.quantiles:
            outputs[target.name] = _drop_last(builder, columns[0], rank)
            continue
        joined = builder.add("decode", f"levels_of_{position}", "concat", *columns, axis=-1)
        ordered = builder.add("decode", f"quantiles_of_{position}", "sort", joined)
        middle = middle_level(task.quantiles)
        picked = builder.add("decode", f"median_of_{position}", "select", ordered, columns=[middle])
        outputs[target.name] = _drop_last(builder, picked, rank)
        outputs[f"{target.name}_quantiles"] = ordered
    return outputs


def middle_level(quantiles: tuple[float, ...]) -> int:
    """The position of the level nearest the median."""
    return min(range(len(quantiles)), key=lambda position: abs(quantiles[position] - 0.5))


def _column(builder: Builder, value: str, position: int, count: int) -> str:
    if count == 1:
        return value
    return builder.add("decode", f"{value}_{position}", "select", value, columns=[position])


def _drop_last(builder: Builder, value: str, rank: int) -> str:
    """(B, 1) to (B,), (B, H, 1) to (B, H)."""
    sizes = builder.value(value).shape[1:-1]
    assert len(sizes) == rank - 2
    return builder.add("decode", f"{value}_answer", "reshape", value, shape=list(sizes))
