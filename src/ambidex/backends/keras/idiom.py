"""What a Keras user would write by hand for this network: Keras's own defaults, `compile`, `fit`, and its own calls.

This is the code that `ambidex compare` times in its division Defaults, and that its report shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ambidex.backends.keras._import import active_engine, jax, keras, tf
from ambidex.backends.keras.device import choose_device, configure, scope
from ambidex.backends.keras.lower import lower
from ambidex.errors import UsageError, expected, one_of
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.training.plan import Plan

LOSSES: dict[str, Callable[[], Any]] = {
    "binary_cross_entropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "cross_entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}


class Idiom:
    """A model with Keras's initial weights, Adam as it comes, `compile` and `fit` on arrays in memory.

    `loss` is a name of `LOSSES`; `steps_per_call` is `compile`'s `steps_per_execution`.
    """

    def __init__(self, graph: Graph, loss: str, plan: Plan, *, steps_per_call: int) -> None:
        if loss not in LOSSES:
            raise UsageError(expected(one_of(LOSSES, loss), got=f"loss {loss!r}", where="division defaults"))
        self._graph = graph
        self._loss = LOSSES[loss]()
        self._plan = plan
        self._steps_per_call = steps_per_call
        configure(plan)
        keras.utils.set_random_seed(plan.seed)
        self._device = choose_device(plan.device)

    def create(self, weights: Mapping[str, Array]) -> None:
        """Builds and compiles the model; `weights` only give shapes, the model draws its own."""
        with scope(self._device):
            self._model = keras.models.clone_model(lower(self._graph, weights), clone_function=_afresh)
            self._model.compile(
                optimizer=keras.optimizers.Adam(),
                loss=self._loss,
                jit_compile=self._plan.compile == "on",
                steps_per_execution=self._steps_per_call,
            )
            self._model.optimizer.build(self._model.trainable_variables)
        variables = (*self._model.variables, *self._model.optimizer.variables)
        self._initial = [(variable, np.array(variable)) for variable in variables]

    def restart(self) -> None:
        """Back to the initial weights and a fresh optimizer."""
        for variable, value in self._initial:
            variable.assign(value)

    def fit(self, inputs: list[Array], target: Array, epochs: int, *, turn: Callable[[bool], None]) -> None:
        """Trains; `turn(True)` is called before each epoch and `turn(False)` after it."""
        with scope(self._device):
            self._model.fit(
                _one_or_list(inputs),
                target,
                batch_size=self._plan.batch_size,
                epochs=epochs,
                verbose=0,
                callbacks=[
                    keras.callbacks.LambdaCallback(
                        on_epoch_begin=lambda epoch, logs: turn(True), on_epoch_end=lambda epoch, logs: turn(False)
                    )
                ],
            )

    def predict(self, inputs: list[Array]) -> Array:
        """Raw outputs of some rows, from arrays to an array: compiled as `predict` is, without its pass over data."""
        with scope(self._device):
            return np.asarray(self._model.predict_on_batch(_one_or_list(inputs)))


class Predictor:
    """The fastest call that Keras's engine itself offers for given weights, in the division Matched."""

    def __init__(self, graph: Graph, weights: Mapping[str, Array], plan: Plan) -> None:
        self._device = choose_device(plan.device)
        with scope(self._device):
            model = lower(graph, weights)
        if active_engine() == "jax":
            variables = [variable.value for variable in model.trainable_variables]
            others = [variable.value for variable in model.non_trainable_variables]
            compiled = jax.jit(lambda inputs: model.stateless_call(variables, others, inputs, training=False)[0])
        else:
            compiled = tf.function(lambda inputs: model(inputs, training=False), jit_compile=plan.compile == "on")
        self._call: Any = compiled

    def predict(self, inputs: list[Array]) -> Array:
        """Raw outputs of some rows, from arrays to an array."""
        with scope(self._device):
            return np.asarray(self._call(_one_or_list([_placed(array) for array in inputs])))


def settings(plan: Plan) -> dict[str, str]:
    """What this process computes with, in the engine's own words."""
    common = {"keras.backend.backend()": active_engine(), "device": choose_device(plan.device)}
    if active_engine() == "jax":
        return {
            **common,
            "XLA threads on the CPU": _xla_threads(),
            "jax_default_matmul_precision": str(jax.config.jax_default_matmul_precision),
        }
    threads = tf.config.threading
    return {
        **common,
        "tf intra-op threads": str(threads.get_intra_op_parallelism_threads()),
        "tf inter-op threads": str(threads.get_inter_op_parallelism_threads()),
        "tf tensor-float-32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
    }


def _xla_threads() -> str:
    """The threads of XLA's pool, counted by their name where the kernel shows it: JAX itself does not say."""
    jax.devices("cpu")  # begins the pool
    with suppress(OSError):
        names = [path.read_text(encoding="utf-8").strip() for path in Path("/proc/self/task").glob("*/comm")]
        if count := names.count("tf_XLAEigen"):
            return str(count)
    return f"NPROC={os.environ['NPROC']}" if "NPROC" in os.environ else "XLA's own choice"


def peak_device_bytes(plan: Plan) -> int:
    """The most memory that the allocator held on the GPU; 0 on a CPU."""
    device = choose_device(plan.device)
    if device == "cpu":
        return 0
    number = int(device.partition(":")[2] or 0)
    if active_engine() == "jax":
        return int((jax.devices("cuda")[number].memory_stats() or {}).get("peak_bytes_in_use", 0))
    return int(tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"])


def _afresh(layer: Any) -> Any:
    """A layer of the same shape that draws its weights as Keras does by itself."""
    return type(layer).from_config(_without_initializers(layer.get_config()))


def _without_initializers(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    kept = {key: value for key, value in config.items() if not key.endswith("_initializer")}
    return {key: _without_initializers(value) for key, value in kept.items()}


def _one_or_list(arrays: list[Any]) -> Any:
    return arrays if len(arrays) > 1 else arrays[0]


def _placed(array: Array) -> Any:
    """TensorFlow traces a function anew for each array of NumPy, not for each of its tensors."""
    return array if active_engine() == "jax" else tf.constant(array)
