"""A model from its file: data only, answered by onnxruntime; frameworks are imported when a native one is asked for."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.artifact.certificate import Certificate, decode_certificate
from ambidex.artifact.format import CARD, CERTIFICATE, GRAPH, MODEL, TRAINING, WEIGHTS
from ambidex.artifact.onnx_reader import check_model
from ambidex.artifact.store import OpenArtifact, open_artifact, open_bytes
from ambidex.errors import ArtifactError, DataError, UsageError, expected
from ambidex.runtime.session import Session, open_session
from ambidex.schema import Schema, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from ambidex.graph import Graph
    from ambidex.workflow.bundle import TrainingRecord
    from ambidex.workflow.export import Exported
    from ambidex.workflow.numpy_edition import NumpyEdition
    from ambidex.workflow.verify import Verdict


ORIGIN = "imported_from"
"""The entry of the manifest's metadata that names what a model was imported from."""


def load(path: str | os.PathLike[str]) -> Artifact:
    """Opens an artifact after checking its form, sizes and hashes. Nothing in the file can run.

    Raises `InputFileError` if it cannot be read and `ArtifactError` with the reason if it is refused. Example:

        artifact = ambidex.load("adult.ambidex")
        labels = artifact.predict(frame)
    """
    return Artifact(open_artifact(path))


def load_bytes(data: bytes, *, path: str = "") -> Artifact:
    """Opens an artifact that is in memory, checked as `load` checks a file."""
    return Artifact(open_bytes(data, path=path))


def _reopen(data: bytes, path: str) -> Artifact:
    return load_bytes(data, path=path)


class Artifact:
    """A trained model. Results come back in the kind of frame that went in, or as NumPy arrays."""

    def __init__(self, opened: OpenArtifact) -> None:
        self._opened = opened

    def __reduce__(self) -> tuple[Callable[..., Artifact], tuple[bytes, str]]:
        """Copies and pickles as the bytes of the file, which are checked again when they are opened."""
        return _reopen, (self._opened.data, self._opened.path)

    @property
    def path(self) -> str:
        """Where the file lies; empty if it is in memory only."""
        return self._opened.path

    @property
    def schema(self) -> Schema:
        """What the model takes and gives."""
        return self._opened.manifest.schema

    @property
    def task(self) -> Task:
        """The question it answers."""
        return self.schema.task

    @property
    def classes(self) -> tuple[str | int, ...]:
        """The labels in the order of the probabilities; empty where numbers are predicted."""
        return tuple(self.task.targets[0].classes)

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self._opened.read(CARD).decode("utf-8", "replace")

    @property
    def origin(self) -> str:
        """What it was imported from; empty for a model that was trained here."""
        return self._opened.manifest.metadata.get(ORIGIN, "")

    @property
    def opened(self) -> OpenArtifact:
        """The file itself, entry by entry."""
        return self._opened

    @cached_property
    def certificate(self) -> Certificate:
        """A few rows with the answers they must give, and how far each edition was from the reference."""
        return decode_certificate(self._opened.read(CERTIFICATE))

    @cached_property
    def session(self) -> Session:
        """The ONNX edition, running; the model is read strictly first."""
        model = self._opened.read(MODEL)
        check_model(model)
        return open_session(model)

    @cached_property
    def graph(self) -> Graph:
        """The graph that every edition is built from."""
        from ambidex.graph import Graph, infer_values

        if self.origin:
            fix = "Predicting, serving and verifying work on it."
            raise ArtifactError(
                expected("a model that was trained here", got=f"one imported from {self.origin}", fix=fix)
            )
        try:
            graph = msgspec.json.decode(self._opened.read(GRAPH), type=Graph)
        except msgspec.DecodeError as error:
            raise ArtifactError(expected("a graph", got=str(error), where=GRAPH)) from None
        infer_values(graph)
        return graph

    @cached_property
    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """Canonical weights, float32; their shapes are checked against the graph before anything is allocated."""
        from ambidex.graph.storage import weights_from_bytes

        return weights_from_bytes(self._opened.read(WEIGHTS), self.graph)

    @cached_property
    def training(self) -> TrainingRecord:
        """How it was trained: experiment, history, metrics beside baselines."""
        from ambidex.workflow.bundle import TrainingRecord

        try:
            return msgspec.json.decode(self._opened.read(TRAINING), type=TrainingRecord)
        except msgspec.DecodeError as error:
            raise ArtifactError(expected("a training record", got=str(error), where=TRAINING)) from None

    def predict(self, rows: Any) -> Any:
        """Predictions for a frame (pandas, polars, Arrow, NumPy, dict of lists, list of rows).

        Tables: one array of labels or numbers (B,), or a dict of them for several targets. Series: a frame with the
        series' keys, time and targets for the steps after each series' last stamp. The target column is not needed.
        """
        from ambidex.data.frames import like_input
        from ambidex.workflow.predict import forecast_columns, predict_packed

        table = self._table(rows)
        if self.task.kind == "forecast":
            return like_input(forecast_columns(self, table), rows)
        outputs = predict_packed(self, table)
        arrays = {target.name: outputs[target.name] for target in self.task.targets}
        return arrays if len(arrays) > 1 else next(iter(arrays.values()))

    def predict_proba(self, rows: Any) -> npt.NDArray[np.float64]:
        """Probabilities (B, classes) in the order of `classes`. Raises `UsageError` where there are none."""
        from ambidex.workflow.predict import predict_packed

        if not self.task.is_classification:
            raise UsageError(expected("a classifier for probabilities", got=f"a model for {self.task.kind}"))
        name = f"{self.task.targets[0].name}_probabilities"
        return predict_packed(self, self._table(rows))[name]

    def to_torch(self) -> Any:
        """The network as a native `torch.nn.Module` in eval mode: prepared tensors in, raw outputs out."""
        return self._native("torch")

    def to_keras(self, engine: str = "tensorflow") -> Any:
        """The network as a native functional Keras model, on `tensorflow` or `jax`."""
        return self._native(engine)

    def to_numpy(self) -> NumpyEdition:
        """The float64 reference: `predict` on packed inputs, and its parts `prepare`, `network`, `decode`."""
        from ambidex.workflow.numpy_edition import NumpyEdition

        return NumpyEdition(self.graph, self.weights)

    def load_from(self, network: Any, *, rows: Any = None) -> Artifact:
        """A new model with the weights of a network that `to_torch` or `to_keras` gave and you changed since.

        It is exported and certified anew, on the rows of this one's certificate or on `rows`, and says that its weights
        came by hand: what was measured in training is left out. Raises `UsageError` where layers, shapes or what the
        network computes are no longer this model's. Example:

            module = artifact.to_torch()
            train_further(module)
            artifact.load_from(module).save("adult-2.ambidex")
        """
        from ambidex.workflow.reload import load_from

        return load_bytes(load_from(self, network, None if rows is None else self._table(rows)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all."""
        from ambidex.artifact.store import check_writable, write_whole

        check_writable(path)
        write_whole(path, [self._opened.data])

    def prepare(self, rows: Any) -> dict[str, npt.NDArray[Any]]:
        """The prepared tensors of a table's rows: what the native networks take."""
        from ambidex.data.encode import pack
        from ambidex.graph import prepare

        if self.task.kind == "forecast":
            raise DataError("Expected a table's model, got one for series: use to_numpy().prepare on packed windows.")
        values = prepare(self.graph, pack(self.schema, self._table(rows)))
        return {name: values[name] for name in self.graph.prepared}

    def verify(self, rows: Any = None) -> Verdict:
        """The certificate again, here and now, on its own rows or on these."""
        from ambidex.workflow.verify import verify

        return verify(self, None if rows is None else self._table(rows))

    def export(
        self, target: str, path: str | os.PathLike[str], *, options: Mapping[str, Any] | None = None, rows: Any = None
    ) -> Exported:
        """Writes the model as `target`, checked in that format's own runtime before anything appears at `path`.

        `options` by name: `packed`, `float32_inputs`, `precision` ("float32", "float16", "int8"); a target refuses
        those that it does not know. `rows` with known answers are measured before and after. Example:

            artifact.export("onnx", "adult.onnx").edition.max_abs
        """
        from pathlib import Path

        from ambidex.backends.source import Options
        from ambidex.workflow.export import export

        try:
            chosen = msgspec.convert(dict(options or {}), type=Options)
        except msgspec.ValidationError as error:
            known = ", ".join(Options.__struct_fields__)
            raise UsageError(expected(f"options of an export ({known})", got=str(error), where="options")) from None
        return export(self, target, Path(path), options=chosen, table=None if rows is None else self._table(rows))

    def _table(self, rows: Any) -> Any:
        from ambidex.data.frames import table_from

        return table_from(rows)

    def _native(self, engine: str) -> Any:
        from ambidex.backends.registry import load_native

        return load_native(engine)(self.graph, self.weights)
