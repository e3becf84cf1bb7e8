"""Convolution and attention against their equations, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.graph.ops.running import run

from ambidex.graph.op import Array


@pytest.mark.parametrize(
    ("size", "stride", "dilation", "padding"),
    [(1, 1, 1, (0, 0)), (3, 1, 1, (0, 0)), (3, 1, 2, (4, 0)), (2, 3, 1, (1, 0)), (4, 2, 1, (1, 2))],
)
def test_a_convolution_is_a_sum_over_taps(
    size: int, stride: int, dilation: int, padding: tuple[int, int], rng: np.random.Generator
) -> None:
    x, kernel, bias = rng.normal(size=(2, 7, 3)), rng.normal(size=(size, 3, 4)), rng.normal(size=4)
    attrs = {"size": size, "stride": stride, "dilation": dilation, "padding": padding}
    found = run("conv1d", x, weights={"kernel": kernel, "bias": bias}, units=4, **attrs)
    for sample, place, unit in np.ndindex(*found.shape):
        total = bias[unit]
        for tap in range(size):
            step = place * stride + tap * dilation - padding[0]
            total += sum(x[sample, step, f] * kernel[tap, f, unit] for f in range(3)) if 0 <= step < 7 else 0
        assert found[sample, place, unit] == pytest.approx(total, abs=1e-13)


def test_a_causal_convolution_does_not_see_later_steps(rng: np.random.Generator) -> None:
    x, kernel = rng.normal(size=(1, 8, 2)), rng.normal(size=(3, 2, 2))
    attrs = {"units": 2, "size": 3, "dilation": 2, "padding": (4, 0), "has_bias": False}
    changed = x.copy()
    changed[:, 5:] += 1
    before, after = (run("conv1d", values, weights={"kernel": kernel}, **attrs) for values in (x, changed))
    assert np.array_equal(before[:, :5], after[:, :5])
    assert not np.any(np.isclose(before[:, 5:], after[:, 5:]))


def attention_by_hand(x: Array, own: dict[str, Array], heads: int, *, is_causal: bool) -> Array:
    """One sample (T, D): each head, each step, each other step."""
    query, key, value = (x @ own[f"{part}.kernel"] + own[f"{part}.bias"] for part in ("query", "key", "value"))
    size = x.shape[1] // heads
    mixed = np.zeros_like(x)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for step in range(len(x)):
            seen = range(step + 1 if is_causal else len(x))
            powers = [math.exp(query[step, part] @ key[other, part] / math.sqrt(size)) for other in seen]
            mixed[step, part] = sum(power * value[other, part] for power, other in zip(powers, seen, strict=True))
            mixed[step, part] /= sum(powers)
    return np.asarray(mixed @ own["output.kernel"] + own["output.bias"])


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("heads", [1, 2])
def test_attention_follows_its_equation(heads: int, is_causal: bool, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 5, 4))
    own = {f"{part}.kernel": rng.normal(size=(4, 4)) for part in ("query", "key", "value", "output")}
    own |= {name.replace("kernel", "bias"): rng.normal(size=4) for name in list(own)}
    found = run("attention", x, weights=own, heads=heads, is_causal=is_causal)
    expected = [attention_by_hand(sample, own, heads, is_causal=is_causal) for sample in x]
    assert found == pytest.approx(np.array(expected), abs=1e-13)
