"""The trainer: what it computes, that it learns, and that it goes on exactly where it stopped."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.backends.torch.equation import Equation
from tests.backends.torch.networks import chain, perceptron, value
from tests.tolerances import FORWARD_DENSE, FORWARD_RECURRENT, GRADIENT, LOCKSTEP

from ambidex.backends.keras.trainer import Trainer, _is_compiled
from ambidex.errors import UsageError
from ambidex.graph import Builder, Graph, initial_weights, run_network
from ambidex.graph.op import Array
from ambidex.losses import LOSSES, NumpyOps, batch_loss
from ambidex.training.feed import Feed, Source, gather
from ambidex.training.plan import Optimizer, Plan

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]

PLAN = Plan(device="cpu", threads=1, is_deterministic=True, optimizer=Optimizer(learning_rate=0.01))
MSE = LOSSES["mse"]


def plan(**changes: Any) -> Plan:
    return msgspec.structs.replace(PLAN, **changes)


def rows(rng: np.random.Generator, *, count: int = 64, has_weight: bool = False) -> Feed:
    """A table whose target is a smooth function of its numbers."""
    x = rng.normal(size=(count, 3)).astype(np.float32)
    y = (x[:, :1] * 2 - x[:, 1:2] * x[:, 2:]).astype(np.float32)
    weight = rng.uniform(0.5, 2, count).astype(np.float32) if has_weight else None
    return Feed(num_samples=count, inputs={"x": Source(array=x)}, target=Source(array=y), weight=weight)


def windows(rng: np.random.Generator, *, is_scaled: bool) -> Feed:
    """Windows of 5 steps over a series of two columns, and the 2 steps that follow each."""
    series = rng.normal(size=(60, 2)).astype(np.float32)
    starts = rng.permutation(50)[:20].astype(np.int64)
    center, scale = (rng.normal(size=(20, 2)), rng.uniform(1, 2, (20, 2))) if is_scaled else (None, None)
    past = Source(array=series, length=5, center=center, scale=scale)
    future = Source(array=series, length=2, offset=5, center=center, scale=scale)
    return Feed(num_samples=20, inputs={"x": past}, target=future, starts=starts)


def forecaster() -> Graph:
    return chain(
        [value("x", 5, 2)], ("rnn", "gru", {"units": 3}), ("head", "dense", {"units": 4}),
        ("steps", "reshape", {"shape": (2, 2)}),
    )  # fmt: skip


def orders(rng: np.random.Generator, steps: int, batch: int, count: int = 64) -> Array:
    return np.stack([rng.permutation(count)[:batch] for _ in range(steps)])


def rates(steps: int) -> Array:
    return np.full(steps, 0.01)


def trained(graph: Graph, feed: Feed, chosen: Plan, order: Array) -> tuple[Trainer, Array]:
    trainer = Trainer(graph, initial_weights(graph, 1), MSE, chosen)
    trainer.load(feed)
    return trainer, trainer.run(order, rates(len(order)), 3)


def is_same(left: dict[str, Array], right: dict[str, Array]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def test_it_learns(rng: np.random.Generator) -> None:
    feed, order = rows(rng), orders(rng, 300, 32)
    trainer, losses = trained(perceptron(), feed, PLAN, order)
    assert losses.dtype == np.float64
    assert losses[-10:].mean() < 0.1 * losses[:10].mean()
    assert trainer.evaluate(feed, 10) < 0.1 * losses[0]


def test_the_loss_of_a_step_is_the_loss_of_its_batch_before_the_update(rng: np.random.Generator) -> None:
    graph, feed = forecaster(), windows(rng, is_scaled=True)
    order = orders(rng, 1, 6, count=20)
    _, losses = trained(graph, feed, PLAN, order)
    x = gather(feed.inputs["x"], order[0], feed.starts)
    assert feed.target is not None
    predicted = run_network(graph, {"x": x}, initial_weights(graph, 1))["steps"]
    exact = batch_loss(MSE, NumpyOps(), gather(feed.target, order[0], feed.starts), predicted, None)
    assert losses[0] == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("is_scaled", [False, True])
def test_windows_are_gathered_as_in_numpy(is_scaled: bool, rng: np.random.Generator) -> None:
    graph, feed = chain([value("x", 5, 2)], ("same", "reshape", {"shape": (5, 2)})), windows(rng, is_scaled=is_scaled)
    found = Trainer(graph, {}, MSE, PLAN).predict(feed, 7)["same"]
    expected = gather(feed.inputs["x"], np.arange(20), feed.starts)
    assert np.abs(found - expected).max() <= (FORWARD_DENSE if is_scaled else 0)


def test_windows_of_the_target_begin_at_its_offset(rng: np.random.Generator) -> None:
    graph, feed = chain([value("x", 2, 2)], ("same", "reshape", {"shape": (2, 2)})), windows(rng, is_scaled=True)
    assert feed.target is not None
    shifted = Feed(num_samples=20, inputs={"x": feed.target}, target=feed.target, starts=feed.starts)
    assert Trainer(graph, {}, MSE, PLAN).evaluate(shifted, 7) == pytest.approx(0, abs=1e-12)


def test_predictions_do_not_depend_on_how_many_are_made_at_once(rng: np.random.Generator) -> None:
    graph, feed = forecaster(), windows(rng, is_scaled=True)
    trainer = Trainer(graph, initial_weights(graph, 1), MSE, PLAN)
    x = gather(feed.inputs["x"], np.arange(20), feed.starts)
    exact = run_network(graph, {"x": x}, initial_weights(graph, 1))["steps"]
    for batch_size in (1, 7, 100):
        found = trainer.predict(feed, batch_size)["steps"]
        assert found.dtype == np.float32
        assert np.abs(found - exact).max() <= FORWARD_RECURRENT


@pytest.mark.parametrize("has_weight", [False, True])
def test_evaluation_is_the_weighted_mean_over_all_samples(has_weight: bool, rng: np.random.Generator) -> None:
    graph, feed = perceptron(dropout=0.5), rows(rng, count=23, has_weight=has_weight)
    assert feed.target is not None
    predicted = run_network(graph, {"x": feed.inputs["x"].array}, initial_weights(graph, 1))["head"]
    exact = batch_loss(MSE, NumpyOps(), feed.target.array, predicted, feed.weight)
    trainer = Trainer(graph, initial_weights(graph, 1), MSE, PLAN)
    assert trainer.evaluate(feed, 5) == pytest.approx(exact, rel=1e-6)


def test_clipping_limits_the_global_norm(rng: np.random.Generator) -> None:
    feed, order = rows(rng), orders(rng, 1, 32)
    graph = perceptron()
    free, clipped = (Optimizer(name="sgd", momentum=0.0, weight_decay=0.0, clip=clip) for clip in (0.0, 0.05))
    start = initial_weights(graph, 1)
    # With lr 0.01 and no momentum the step shows the gradient.
    after, _ = trained(graph, feed, plan(optimizer=free), order)
    gradients = {name: (start[name].astype(np.float64) - weight) / 0.01 for name, weight in after.weights().items()}
    exact = Equation(clipped, {name: weight.astype(np.float64) for name, weight in start.items()})
    exact.update(gradients, 0.01)
    found, _ = trained(graph, feed, plan(optimizer=clipped), order)
    assert np.sqrt(sum(np.sum(gradient**2) for gradient in gradients.values())) > 0.05
    for name, weight in found.weights().items():
        assert np.abs(weight - exact.weights[name]).max() <= GRADIENT


def test_accumulated_batches_make_the_update_of_their_union(rng: np.random.Generator) -> None:
    feed, order = rows(rng), orders(rng, 2, 32)
    parts = order.reshape(4, 16)
    whole, _ = trained(perceptron(), feed, PLAN, order)
    summed, losses = trained(perceptron(), feed, plan(accumulate=2), parts)
    assert len(losses) == 4
    assert summed.optimizer_state()["step"] == 2
    for name, weight in whole.weights().items():
        assert np.abs(weight - summed.weights()[name]).max() <= GRADIENT


def test_batches_left_over_at_the_end_of_a_run_make_an_update(rng: np.random.Generator) -> None:
    trainer, _ = trained(perceptron(), rows(rng), plan(accumulate=2), orders(rng, 3, 16))
    assert trainer.optimizer_state()["step"] == 2


def test_dropout_depends_on_the_seed_of_the_run_alone(rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(dropout=0.5), rows(rng), orders(rng, 5, 16)
    found = []
    for seed in (3, 3, 4):
        trainer = Trainer(graph, initial_weights(graph, 1), MSE, PLAN)
        trainer.load(feed)
        random.random()
        found.append(trainer.run(order, rates(5), seed).tolist())
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_dropout_does_not_depend_on_how_a_run_is_cut(rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(dropout=0.5), rows(rng), orders(rng, 6, 16)
    whole, cut = (Trainer(graph, initial_weights(graph, 1), MSE, PLAN) for _ in range(2))
    for trainer in (whole, cut):
        trainer.load(feed)
    expected = whole.run(order, rates(6), 3).tolist()
    found = cut.run(order[:1], rates(1), 3).tolist()
    cut.evaluate(feed, 16)
    for part in (order[1:3], order[3:]):
        found += cut.run(part, rates(len(part)), None).tolist()
    assert found == expected
    assert is_same(whole.weights(), cut.weights())


def test_training_leaves_the_streams_of_the_process_alone(rng: np.random.Generator) -> None:
    graph = perceptron(dropout=0.5)
    random.seed(1)
    before = random.getstate()
    trained(graph, rows(rng), PLAN, orders(rng, 2, 16))
    assert random.getstate() == before


@pytest.mark.parametrize("switch", ["on", "off"])
def test_dropout_keeps_the_mean(switch: Any) -> None:
    graph = chain([value("x", 100)], ("drop", "dropout", {"rate": 0.25}))
    feed = Feed(
        num_samples=50,
        inputs={"x": Source(array=np.ones((50, 100), np.float32))},
        target=Source(array=np.zeros((50, 100), np.float32)),
    )
    _, losses = trained(graph, feed, plan(compile=switch), np.arange(50)[None])
    # A share 1 - rate of ones, each 1 / (1 - rate), squared.
    assert losses[0] == pytest.approx(1 / 0.75, rel=0.05)


def test_layers_have_masks_of_their_own() -> None:
    drop = {"rate": 0.5}
    graph = chain([value("x", 100)], ("first", "dropout", drop), ("second", "dropout", drop))
    feed = Feed(
        num_samples=50,
        inputs={"x": Source(array=np.ones((50, 100), np.float32))},
        target=Source(array=np.zeros((50, 100), np.float32)),
    )
    _, losses = trained(graph, feed, PLAN, np.stack([np.arange(50)] * 2))
    # Equal masks would leave half of the values, each 4, which gives 8; independent ones leave a quarter.
    assert losses == pytest.approx([4, 4], rel=0.2)
    assert losses[0] != losses[1]


def test_training_walks_the_same_way_without_compilation(rng: np.random.Generator) -> None:
    graph, feed, order = forecaster(), windows(rng, is_scaled=True), orders(rng, 10, 6, count=20)
    _, losses = trained(graph, feed, plan(compile="off"), order)
    _, again = trained(graph, feed, plan(compile="on"), order)
    assert losses == pytest.approx(again, rel=LOCKSTEP[10])


def test_runs_of_any_length_are_one_walk(rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(), rows(rng), orders(rng, 70, 16)
    whole, losses = trained(graph, feed, PLAN, order)
    parts = Trainer(graph, initial_weights(graph, 1), MSE, PLAN)
    parts.load(feed)
    found = [parts.run(part, rates(len(part)), 3) for part in (order[:1], order[1:3], order[3:3], order[3:])]
    assert np.concatenate(found).tolist() == losses.tolist()
    assert is_same(parts.weights(), whole.weights())


def test_codes_and_weights_of_rows_are_gathered_together(rng: np.random.Generator) -> None:
    builder = Builder([value("x", 2), value("code", dtype="int64")])
    table = builder.add("network", "table", "embedding", "code", count=5, width=2)
    builder.add("network", "both", "concat", "x", table)
    builder.add("network", "head", "dense", "both", units=3)
    graph = builder.build(prepared=["x", "code"], raw_outputs=["head"], outputs={"y": "head"})
    x, codes, true = rng.normal(size=(30, 2)).astype(np.float32), rng.integers(0, 5, 30), rng.integers(0, 3, 30)
    weight = rng.uniform(1, 2, 30).astype(np.float32)
    inputs = {"x": Source(array=x), "code": Source(array=codes)}
    feed = Feed(num_samples=30, inputs=inputs, target=Source(array=true), weight=weight)
    trainer = Trainer(graph, initial_weights(graph, 1), LOSSES["cross_entropy"], PLAN)
    trainer.load(feed)
    index = rng.permutation(30)[:8]
    predicted = run_network(graph, {"x": x[index], "code": codes[index]}, initial_weights(graph, 1))["head"]
    exact = batch_loss(LOSSES["cross_entropy"], NumpyOps(), true[index], predicted, weight[index])
    assert trainer.run(index[None], rates(1), 0)[0] == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": Optimizer(name="sgd", clip=0.1)},
        {"ema": 0.9, "accumulate": 2},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_resuming_is_exact(changes: dict[str, Any], rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(dropout=0.3, has_norm=True), rows(rng), orders(rng, 12, 16)
    first, _ = trained(graph, feed, plan(**changes), order)
    second = Trainer(graph, initial_weights(graph, 99), MSE, plan(**changes))
    second.load(feed)
    second.set_weights(first.weights())
    second.set_optimizer_state(first.optimizer_state())
    losses = [trainer.run(order[:6], rates(6), 8).tolist() for trainer in (first, second)]
    assert losses[0] == losses[1]
    assert is_same(first.weights(), second.weights())
    assert is_same(first.optimizer_state(), second.optimizer_state())


def test_the_same_run_twice_gives_the_same_bits(rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(dropout=0.3, has_norm=True), rows(rng), orders(rng, 12, 16)
    (first, losses), (second, again) = (trained(graph, feed, PLAN, order) for _ in range(2))
    assert losses.tolist() == again.tolist()
    assert is_same(first.weights(), second.weights())


def test_averaged_weights_are_what_is_shown(rng: np.random.Generator) -> None:
    graph, feed, order = perceptron(), rows(rng), orders(rng, 3, 16)
    average: dict[str, Array] = {name: array.astype(np.float64) for name, array in initial_weights(graph, 1).items()}
    plain = Trainer(graph, initial_weights(graph, 1), MSE, PLAN)
    plain.load(feed)
    for step in order:
        plain.run(step[None], rates(1), 3)
        average = {name: 0.8 * average[name] + 0.2 * weight for name, weight in plain.weights().items()}
    trainer, _ = trained(graph, feed, plan(ema=0.8), order)
    for name, weight in trainer.weights().items():
        assert np.abs(weight - average[name]).max() <= FORWARD_DENSE
    raw = {name: array for name, array in trainer.optimizer_state().items() if name.endswith("/raw")}
    assert is_same(raw, {f"{name}/raw": weight for name, weight in plain.weights().items()})
    shown = run_network(graph, {"x": feed.inputs["x"].array}, trainer.weights())["head"]
    assert np.abs(trainer.predict(feed, 64)["head"] - shown).max() <= FORWARD_DENSE


@pytest.mark.parametrize("shape", [(3,), (4, 3)], ids=["rows", "steps"])
@pytest.mark.parametrize("batch", [1, 16])
def test_running_statistics_follow_the_biased_variance(
    shape: tuple[int, ...], batch: int, rng: np.random.Generator
) -> None:
    graph = chain([value("x", *shape)], ("norm", "batch_norm", {"momentum": 0.3}))
    x = rng.normal(2, 3, (16, *shape)).astype(np.float32)
    feed = Feed(num_samples=16, inputs={"x": Source(array=x)}, target=Source(array=x))
    order = rng.permutation(16)[None, :batch]
    trainer, _ = trained(graph, feed, PLAN, order)
    seen = x[order[0]].reshape(-1, 3).astype(np.float64)
    found = trainer.weights()
    assert found["norm.mean"] == pytest.approx(0.3 * seen.mean(axis=0), abs=FORWARD_DENSE)
    assert found["norm.variance"] == pytest.approx(0.7 + 0.3 * seen.var(axis=0), rel=FORWARD_DENSE, abs=1e-7)


def test_normalisation_in_training_uses_the_batch(rng: np.random.Generator) -> None:
    graph = chain([value("x", 3)], ("norm", "batch_norm", {}))
    x = rng.normal(2, 3, (16, 3)).astype(np.float32)
    feed = Feed(num_samples=16, inputs={"x": Source(array=x)}, target=Source(array=0 * x))
    _, losses = trained(graph, feed, PLAN, np.arange(16)[None])
    wide = x.astype(np.float64)
    exact = np.mean((wide - wide.mean(axis=0)) ** 2 / (wide.var(axis=0) + 1e-5))
    assert losses[0] == pytest.approx(exact, rel=FORWARD_DENSE)


def test_a_loss_that_is_not_finite_is_seen(rng: np.random.Generator) -> None:
    feed = rows(rng)
    feed.inputs["x"].array[5] = np.nan
    _, losses = trained(perceptron(), feed, PLAN, np.arange(10)[:, None])
    assert np.isfinite(losses[:5]).all()
    assert np.isnan(losses[5:]).all()


def test_a_read_only_array_is_accepted_and_kept(rng: np.random.Generator) -> None:
    feed = rows(rng)
    feed.inputs["x"].array.flags.writeable = False
    before = feed.inputs["x"].array.copy()
    trained(perceptron(), feed, PLAN, orders(rng, 2, 16))
    assert np.array_equal(feed.inputs["x"].array, before)


@pytest.mark.parametrize(
    ("changes", "device", "count", "expected"),
    [
        ({"epochs": 10, "batch_size": 100}, "cpu", 4_000, True),
        ({"epochs": 10, "batch_size": 100}, "cpu", 3_000, False),
        ({"epochs": 10, "batch_size": 100}, "cuda:0", 10**6, False),
        ({"compile": "on"}, "cuda:0", 1, True),
        ({"compile": "off"}, "cpu", 10**6, False),
    ],
)
def test_a_recurrent_network_is_compiled_where_it_pays(
    changes: dict[str, Any], device: str, count: int, expected: bool
) -> None:
    assert _is_compiled(plan(**changes), forecaster(), device, count) is expected


def test_a_perceptron_pays_for_compilation_after_more_steps() -> None:
    chosen = plan(epochs=10, batch_size=100)
    assert [_is_compiled(chosen, perceptron(), "cpu", count) for count in (39_000, 40_000)] == [False, True]
    assert _is_compiled(chosen, perceptron(), "cuda:0", 1)


def test_float16_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^Expected one of float32, tf32, bfloat16, got 'float16' for \w+ at --prec"):
        Trainer(perceptron(), initial_weights(perceptron(), 1), MSE, plan(precision="float16"))


def test_a_plan_without_a_feed_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="load comes before run"):
        Trainer(perceptron(), initial_weights(perceptron(), 1), MSE, PLAN).run(np.zeros((1, 1), int), rates(1), 0)
