"""A framework as a measuring process drives it, once per division; ONNX Runtime joins after training."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.backends.registry import BACKENDS, load_trainer
from ambidex.backends.source import write_arrays
from ambidex.compare.column import Column, Division
from ambidex.compare.job import Job, Prepared
from ambidex.export.answer import to_array, to_tensor
from ambidex.export.onnx import export_onnx
from ambidex.graph import Graph, infer_values, initial_weights
from ambidex.losses.loss import make_loss
from ambidex.runtime.session import Session, open_session
from ambidex.training.order import batch_order
from ambidex.training.schedule import learning_rates

Array = npt.NDArray[Any]
Turn = Callable[[bool], None]
"""Called with True before an epoch and with False after it."""


class Contender(Protocol):
    """What is measured of a network that only predicts."""

    def create(self) -> None:
        """Builds the network, and what trains it."""

    def open_predictor(self) -> Callable[[list[Array]], Array]:
        """What answers a few rows, from arrays to an array."""

    def facts(self) -> dict[str, str]:
        """What the process computes with, in the framework's own words."""

    def peak_device_bytes(self) -> int:
        """The most memory held on a GPU; 0 on a CPU."""


class Learner(Contender, Protocol):
    """What is measured of a framework that trains."""

    def first_step(self) -> list[float]:
        """One step of training, compilation included; its loss where it is known."""

    def warm_up(self) -> None:
        """A whole epoch that does not count, then back to the beginning."""

    def fit(self, turn: Turn) -> None:
        """Trains every epoch of the plan."""

    def raw(self) -> Array:
        """Raw outputs of the validation samples by the network as it is now."""

    def step_losses(self) -> list[float]:
        """The loss of every step so far, where the division compares them."""


def load_engine(engine: str) -> None:
    """Imports the framework and nothing of ours beside it."""
    if engine == "onnxruntime":
        importlib.import_module("onnxruntime")
        return
    importlib.import_module(f"{BACKENDS[engine]}._import").require(engine)


def make_contender(column: Column, division: Division, prepared: Prepared, folder: Path) -> Contender:
    """The contender of a column; Matched ones leave their trained weights in the folder."""
    if not column.trains:
        return _Runtime(prepared.job, prepared.graphs[division].prepared, folder / "network.onnx")
    if division == "matched":
        return _Matched(column, prepared, folder)
    return _Defaults(column, prepared)


class _Matched:
    """The same initial weights, batches, update equation and precision in every framework: ambidex's own trainer."""

    def __init__(self, column: Column, prepared: Prepared, folder: Path) -> None:
        self._column, self._prepared, self._folder = column, prepared, folder
        self._graph = prepared.graphs["matched"]
        compiled = "on" if column.is_compiled else "off"
        self._plan = msgspec.structs.replace(prepared.job.plan, compile=compiled)
        self._loss = make_loss(prepared.job.loss, prepared.job.quantiles)
        self._weights: dict[str, Array] = dict(initial_weights(self._graph, self._plan.seed))
        self._losses: list[float] = []

    def create(self) -> None:
        self._trainer = load_trainer(self._column.engine)(self._graph, self._weights, self._loss, self._plan)
        self._trainer.load(self._prepared.train.feed())
        self._fresh = self._trainer.optimizer_state()
        self._validation = self._prepared.validation.feed()

    def first_step(self) -> list[float]:
        return [float(loss) for loss in self._run(1, slice(0, 1))]

    def warm_up(self) -> None:
        self._run(1, slice(None))
        self._trainer.set_weights(self._weights)
        self._trainer.set_optimizer_state(self._fresh)

    def fit(self, turn: Turn) -> None:
        for epoch in range(1, self._plan.epochs + 1):
            turn(True)
            self._losses += self._run(epoch, slice(None)).tolist()
            turn(False)
        write_arrays(self._folder / "weights.npz", self._trainer.weights())

    def _run(self, epoch: int, part: slice) -> Array:
        plan = self._plan
        order = batch_order(len(self._prepared.train), plan.batch_size, seed=plan.seed, epoch=epoch)
        rates = learning_rates(plan, len(order), epoch - 1)
        return self._trainer.run(order[part], rates[part], seed=plan.seed + epoch)

    def raw(self) -> Array:
        return self._trainer.predict(self._validation, 4096)[self._graph.raw_outputs[0]]

    def step_losses(self) -> list[float]:
        """The loss of every step so far."""
        return self._losses

    def open_predictor(self) -> Callable[[list[Array]], Array]:
        predict: Callable[[list[Array]], Array] = (
            _idiom(self._column).Predictor(self._graph, self._trainer.weights(), self._plan).predict
        )
        return predict

    def facts(self) -> dict[str, str]:
        found: dict[str, str] = _idiom(self._column).settings(self._plan)
        return found

    def peak_device_bytes(self) -> int:
        return int(_idiom(self._column).peak_device_bytes(self._plan))


class _Defaults:
    """What a user of the framework would write, with its own defaults."""

    def __init__(self, column: Column, prepared: Prepared) -> None:
        self._column, self._prepared = column, prepared
        self._graph = prepared.graphs["defaults"]
        compiled = "on" if column.is_compiled else "off"
        self._plan = msgspec.structs.replace(prepared.job.plan, compile=compiled)
        self._weights = initial_weights(self._graph, self._plan.seed)
        self._idiom: Any = _idiom(column).Idiom(
            self._graph, self._loss(), self._plan, steps_per_call=column.steps_per_call
        )

    def _loss(self) -> str:
        """One logit is what a user calls binary cross-entropy."""
        is_binary = self._prepared.job.loss == "cross_entropy" and self._units() == 1
        return "binary_cross_entropy" if is_binary else self._prepared.job.loss

    def _units(self) -> int:
        return int(infer_values(self._graph)[self._graph.raw_outputs[0]].shape[-1])

    def create(self) -> None:
        self._idiom.create(self._weights)

    def first_step(self) -> list[float]:
        self._fit(self._prepared.job.plan.batch_size, 1, lambda begins: None)
        return []

    def warm_up(self) -> None:
        self._fit(len(self._prepared.train), 1, lambda begins: None)
        self._idiom.restart()

    def fit(self, turn: Turn) -> None:
        self._fit(len(self._prepared.train), self._plan.epochs, turn)

    def _fit(self, rows: int, epochs: int, turn: Turn) -> None:
        train = self._prepared.train
        inputs = [train.inputs[name][:rows] for name in self._graph.prepared]
        self._idiom.fit(inputs, train.target[:rows], epochs, turn=turn)

    def raw(self) -> Array:
        inputs = [self._prepared.validation.inputs[name] for name in self._graph.prepared]
        rows = range(0, len(self._prepared.validation), 4096)
        return np.concatenate([self._idiom.predict([part[at : at + 4096] for part in inputs]) for at in rows])

    def step_losses(self) -> list[float]:
        return []

    def open_predictor(self) -> Callable[[list[Array]], Array]:
        predict: Callable[[list[Array]], Array] = self._idiom.predict
        return predict

    def facts(self) -> dict[str, str]:
        found: dict[str, str] = _idiom(self._column).settings(self._plan)
        return found

    def peak_device_bytes(self) -> int:
        return int(_idiom(self._column).peak_device_bytes(self._plan))


class _Runtime:
    """ONNX Runtime with the same network: what is left of a model once it is trained. It has no training to time."""

    def __init__(self, job: Job, names: tuple[str, ...], model: Path) -> None:
        self._threads = job.plan.threads or 1
        self._names = names
        self._model = model.read_bytes()

    def create(self) -> None:
        self._session: Session = open_session(self._model, threads=self._threads)

    def open_predictor(self) -> Callable[[list[Array]], Array]:
        name = self._session.outputs[0].name

        def predict(inputs: list[Array]) -> Array:
            feeds = {key: to_tensor(array) for key, array in zip(self._names, inputs, strict=True)}
            return to_array(self._session.run(feeds, (name,))[name])

        return predict

    def facts(self) -> dict[str, str]:
        return {"intra-op threads": str(self._threads), "device": "cpu"}

    def peak_device_bytes(self) -> int:
        return 0


def write_network(graph: Graph, path: Path) -> None:
    """The network alone with its initial weights as ONNX: its arithmetic takes as long as after training."""
    path.write_bytes(export_onnx(network_only(graph), initial_weights(graph, 0), metadata={"task": "comparison"}))


def network_only(graph: Graph) -> Graph:
    """The network from prepared values to raw outputs, which is the part that frameworks have."""
    values = infer_values(graph)
    narrow = {
        name: msgspec.structs.replace(values[name], dtype="int64" if values[name].dtype == "int64" else "float32")
        for name in graph.prepared
    }
    return Graph(
        inputs=tuple(narrow[name] for name in graph.prepared),
        prepare=(),
        prepared=graph.prepared,
        network=graph.network,
        raw_outputs=graph.raw_outputs,
        decode=(),
        outputs={"raw": graph.raw_outputs[0]},
    )


def _idiom(column: Column) -> Any:
    return importlib.import_module(f"{BACKENDS[column.engine]}.idiom")
