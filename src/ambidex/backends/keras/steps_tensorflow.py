"""TensorFlow below the trainer: tensors, gathering, and one graph that makes many steps per call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ambidex.backends.keras._import import keras, tf

Tensor = Any
State = dict[str, Any]
Step = Callable[[State, Any, Tensor], tuple[State, Tensor]]
Gather = Callable[[Any, Any, Tensor], Any]


def put(array: npt.NDArray[Any]) -> Tensor:
    """A tensor on the device, of the array's own type."""
    return tf.constant(array)


def put_index(array: npt.NDArray[Any]) -> Tensor:
    """Numbers of samples: int64, because TensorFlow keeps int32 tensors of a graph off the GPU."""
    return tf.constant(array, tf.int64)


def take_rows(array: Tensor, index: Tensor) -> Tensor:
    """array[index]."""
    return tf.gather(array, index)


def take_windows(array: Tensor, starts: Tensor, offset: int, length: int) -> Tensor:
    """array[starts + offset + (0 … length - 1)]: (N, F) at (B,) to (B, length, F)."""
    return tf.gather(array, starts[:, None] + tf.range(offset, offset + length, dtype=tf.int64))


def uniform(shape: Any, seed: Tensor) -> Tensor:
    """Numbers in [0, 1) that depend on the seed, two integers, alone."""
    return tf.random.stateless_uniform(shape, tf.cast(seed, tf.int32), alg="philox")


def value_and_gradients(
    function: Callable[[list[Tensor]], tuple[Tensor, Any]], at: list[Tensor]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """What a function of weights returns, and the gradients of its first result; zero for a weight it does not use."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        value, others = function(at)
    gradients = tape.gradient(value, at, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return (value, others), [dense(gradient) for gradient in gradients]


def dense(gradient: Any) -> Tensor:
    """A gradient as a plain tensor; that of an embedding comes as the rows it touches."""
    return tf.convert_to_tensor(gradient)


def choose(condition: Tensor, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """One of two results, of which only one is computed."""
    return tf.cond(condition, then, otherwise)


def compile_run(step: Step, gather: Gather, *, is_compiled: bool) -> Callable[..., Any]:
    """A function `(layout, state, data, order, scalars) -> (state, losses)` that runs a step per row of `order`.

    XLA compiles the step; the loop around it stays TensorFlow's, so that any number of steps reuses one compilation
    and batches are gathered where the data lie. The numbers of steps and of samples are free, the batch size is not.
    """
    one = tf.function(step, jit_compile=True, autograph=False) if is_compiled else step
    programs: dict[Any, Any] = {}

    def run(layout: Any, state: State, data: Any, order: Tensor, scalars: Tensor) -> Any:
        key = (layout, order.shape[1], _kind(data))
        if key not in programs:

            def loop(state: State, data: Any, order: Tensor, scalars: Tensor) -> tuple[State, Tensor]:
                return _loop(lambda state, i: one(state, gather(layout, data, order[i]), scalars[i]), state, order)

            fixed = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), state)
            programs[key] = tf.function(loop, input_signature=(fixed, *_free((data, order, scalars))), autograph=False)
        return programs[key](state, data, order, scalars)

    return run


def compile_inference(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function `(layout, flat, others, data, index)`; the numbers of samples are free."""
    programs: dict[Any, Any] = {}

    def run(layout: Any, flat: Tensor, others: list[Tensor], data: Any, index: Tensor) -> Any:
        key = (layout, _kind(data))
        if key not in programs:

            def fixed(flat: Tensor, others: list[Tensor], data: Any, index: Tensor) -> Any:
                return function(layout, flat, others, data, index)

            specs = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), (flat, others))
            programs[key] = tf.function(fixed, input_signature=(*specs, *_free((data, index))), autograph=False)
        return programs[key](flat, others, data, index)

    return run


def _loop(one: Callable[[State, Tensor], tuple[State, Tensor]], state: State, order: Tensor) -> tuple[State, Tensor]:
    count = tf.shape(order)[0]

    def body(i: Tensor, state: State, losses: Any) -> tuple[Tensor, State, Any]:
        state, loss = one(state, i)
        return i + 1, state, losses.write(i, loss)

    losses = tf.TensorArray(tf.float32, size=count, element_shape=())
    # One step needs the one before: more iterations in flight would only cost memory.
    _, state, losses = tf.while_loop(
        lambda i, *_: i < count, body, (tf.constant(0), state, losses), parallel_iterations=1
    )
    return state, losses.stack()


def _free(structure: Any) -> Any:
    """Free first dimensions for what comes by sample or by step."""
    return keras.tree.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), structure)


def _kind(data: Any) -> str:
    return str(keras.tree.map_structure(lambda x: (tuple(x.shape[1:]), x.dtype.name), data))
