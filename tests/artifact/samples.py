"""A small good artifact, made anew for each test that damages it."""

from __future__ import annotations

from array import array
from pathlib import Path

from tests.runtime.models import mixed

from ambidex.artifact import (
    CARD,
    CERTIFICATE,
    GRAPH,
    MODEL,
    TRAINING,
    WEIGHTS,
    GraphSignature,
    MadeBy,
    Manifest,
    TensorSpec,
    write_artifact,
)
from ambidex.artifact.tensors import write_tensors
from ambidex.schema import Column, Schema, Target, Task

SHAPES: dict[str, tuple[int, ...]] = {"dense.kernel": (3, 1)}
"""The weights that the sample's graph would have."""


def manifest() -> Manifest:
    columns = (
        Column(name="age", kind="number"),
        Column(name="job", kind="text", levels=("Farmer", "Bäcker")),
        Column(name="income", kind="text", role="target"),
    )
    return Manifest(
        schema=Schema(
            columns=columns, task=Task(kind="binary", targets=(Target(name="income", classes=("<=50K", ">50K")),))
        ),
        signature=GraphSignature(
            inputs=(
                TensorSpec(name="numbers", dtype="float64", shape=("B", 1)),
                TensorSpec(name="texts", dtype="string", shape=("B", 1)),
            ),
            outputs=(TensorSpec(name="income_probabilities", dtype="float64", shape=("B", 2)),),
        ),
        made_by=MadeBy(ambidex="0.1.0", backend="torch", python="3.11", packages={"torch": "2.13"}),
        metadata={"unit": "€"},
    )


def entries() -> dict[str, bytes]:
    return {
        MODEL: mixed(),
        WEIGHTS: write_tensors({"dense.kernel": ("F32", (3, 1), array("f", [1, 2, 3]))}),
        GRAPH: b"{}",
        TRAINING: b"{}",
        CERTIFICATE: b"{}",
        CARD: "# A card, für Menschen\n".encode(),
    }


def good_file(folder: Path) -> Path:
    path = folder / "good.ambidex"
    write_artifact(path, entries(), manifest=manifest())
    return path
