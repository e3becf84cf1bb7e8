"""JAX below the trainer: arrays, gathering, and one compiled function that makes many steps per call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ambidex.backends.keras._import import jax, jnp

Tensor = Any
State = dict[str, Any]
Step = Callable[[State, Any, Tensor], tuple[State, Tensor]]
Gather = Callable[[Any, Any, Tensor], Any]

CAPACITY = 64
"""The least number of steps a compiled run has room for; larger ones come in powers of two."""


def put(array: npt.NDArray[Any]) -> Tensor:
    """An array on the device, of the array's own type."""
    return jnp.array(array)


def put_index(array: npt.NDArray[Any]) -> Tensor:
    """Numbers of samples: int32, since JAX has no int64 unless asked for."""
    return jnp.array(array, jnp.int32)


def take_rows(array: Tensor, index: Tensor) -> Tensor:
    """array[index]."""
    return array[index]


def take_windows(array: Tensor, starts: Tensor, offset: int, length: int) -> Tensor:
    """array[starts + offset + (0 … length - 1)]: (N, F) at (B,) to (B, length, F)."""
    return array[starts[:, None] + jnp.arange(offset, offset + length)]


def uniform(shape: Any, seed: Tensor) -> Tensor:
    """Numbers in [0, 1) that depend on the seed, two integers, alone."""
    return jax.random.uniform(seed, shape)


def value_and_gradients(
    function: Callable[[list[Tensor]], tuple[Tensor, Any]], at: list[Tensor]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """What a function of weights returns, and the gradients of its first result; zero for a weight it does not use."""
    result, gradients = jax.value_and_grad(function, has_aux=True)(at)
    return result, gradients


def dense(gradient: Any) -> Tensor:
    """A gradient as a plain array, which JAX always gives."""
    return gradient


def choose(condition: Tensor, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """One of two results, of which only one is computed."""
    return jax.lax.cond(condition, then, otherwise)


def compile_run(step: Step, gather: Gather, *, is_compiled: bool) -> Callable[..., Any]:
    """A function `(layout, state, data, order, scalars) -> (state, losses)` that runs a step per row of `order`.

    JAX compiles for exact shapes, so rows are padded to a capacity and a counted loop makes only the real ones: runs
    of another length compile nothing anew. The state's buffers are given up to the call. `is_compiled` changes
    nothing: without compilation JAX has no program to run.
    """

    def loop(layout: Any, state: State, data: Any, rows: tuple[Tensor, Tensor], count: Tensor) -> tuple[State, Tensor]:
        order, scalars = rows

        def body(i: Tensor, carried: tuple[State, Tensor]) -> tuple[State, Tensor]:
            state, loss = step(carried[0], gather(layout, data, order[i]), scalars[i])
            return state, carried[1].at[i].set(loss)

        found: tuple[State, Tensor] = jax.lax.fori_loop(0, count, body, (state, jnp.zeros(order.shape[0])))
        return found

    program = jax.jit(loop, static_argnums=0, donate_argnums=1)

    def run(layout: Any, state: State, data: Any, order: Tensor, scalars: Tensor) -> tuple[State, Tensor]:
        count = order.shape[0]
        room = max(CAPACITY, 1 << (count - 1).bit_length()) - count
        rows = tuple(jnp.pad(part, [(0, room), (0, 0)]) for part in (order, scalars))
        state, losses = program(layout, state, data, rows, count)
        return state, losses[:count]

    return run


def compile_inference(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function `(layout, flat, others, data, index)`, compiled again for other shapes."""
    return jax.jit(function, static_argnums=0)  # type: ignore[no-any-return]
