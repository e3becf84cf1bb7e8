"""A model again, with the weights of a native network that its user changed by hand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ambidex.backends.foreign import framework_of
from ambidex.backends.registry import load_foreign
from ambidex.data.table import Table
from ambidex.errors import UsageError, expected
from ambidex.graph import parameters, prepare, run_network
from ambidex.schema import packed_layout
from ambidex.workflow.bundle import model_bytes, rows_of
from ambidex.workflow.cases import certificate_cases
from ambidex.workflow.certify import subject_of
from ambidex.workflow.problem import Arrays
from ambidex.workflow.seal import Draft, seal
from ambidex.workflow.verify import rows_to_verify

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact

TOLERANCE = 1e-4
"""How far the network may be from its own weights in the graph, relative: far above rounding, below any real change."""
NOTE = (
    "The weights were loaded by hand from a {framework} network. What was measured in training is another model's, so "
    "it is left out; preparation, calibration and thresholds are still those fitted then."
)


def load_from(artifact: Artifact, network: Any, table: Table | None = None) -> bytes:
    """The bytes of a new artifact, certified on the rows of the old one's certificate, or on a table's.

    Raises `UsageError` where the network is not this model's, by its layers, by its shapes or by what it computes.
    """
    framework = framework_of(network)
    foreign, graph = load_foreign(framework), artifact.graph
    weights = foreign.canonical_weights(network, graph)
    _check_shapes(artifact, weights)
    stored = rows_of(artifact.certificate, packed_layout(artifact.schema))
    rows = stored if table is None else rows_to_verify(artifact, table)
    _check_function(artifact, weights, foreign.run, network, stored)
    draft = Draft(
        schema=artifact.schema,
        graph=graph,
        weights=weights,
        model=model_bytes(graph, weights, artifact.schema),
        record=msgspec.structs.replace(
            artifact.training,
            backend=_engine(framework),
            metrics={},
            notes=(*artifact.training.notes, NOTE.format(framework={"torch": "PyTorch", "keras": "Keras"}[framework])),
        ),
        cases=certificate_cases(artifact.schema, graph, rows, seed=0),
        unit=subject_of(artifact).unit,
        fit_s=0.0,
    )
    return seal(draft).data


def _engine(framework: str) -> str:
    """The engine of this process, which certifies here; the others do in processes of their own."""
    if framework == "torch":
        return "torch"
    return str(importlib.import_module("ambidex.backends.keras._import").active_engine())


def _check_shapes(artifact: Artifact, weights: Arrays) -> None:
    for parameter in parameters(artifact.graph):
        found = weights.get(parameter.name)
        if found is None or found.shape != parameter.shape:
            got = "none" if found is None else found.shape
            raise UsageError(expected(f"shape {parameter.shape}", got=got, where=f"weight {parameter.name!r}"))
        if not np.all(np.isfinite(found)):
            raise UsageError(expected("finite weights", got="others", where=f"weight {parameter.name!r}"))


def _check_function(artifact: Artifact, weights: Arrays, run: Any, network: Any, rows: Arrays) -> None:
    """The network must compute what the graph does with its weights: an activation or an epsilon may have changed."""
    graph = artifact.graph
    prepared = prepare(graph, rows)
    raw = run_network(graph, prepared, weights)
    found = run(network, [prepared[name] for name in graph.prepared])
    # Keras flattens outputs by name.
    names = graph.raw_outputs if framework_of(network) == "torch" else sorted(graph.raw_outputs)
    for name, values in zip(names, found, strict=True):
        error = np.max(np.abs(values - raw[name]) / np.maximum(1, np.abs(raw[name])), initial=0.0)
        if not error <= TOLERANCE:
            fix = "Only weights can be taken over: change layers in an architecture, or keep the network as it is."
            what = "a network that computes what this model does with its weights"
            raise UsageError(expected(what, got=f"a difference of {error:.1e}", where=f"output {name!r}", fix=fix))
