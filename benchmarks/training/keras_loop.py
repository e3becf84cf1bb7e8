"""Our Keras trainer on TensorFlow against a loop written by hand as its guides advise, on the same two networks.

The hand-written loop keeps whole tensors on the device, gathers batches by index inside one `tf.function` that makes
every step of an epoch, and uses Keras's own AdamW; with `--hand-xla` its step is compiled by XLA as well. Both start
from equal weights and see equal batches. The two are timed in turns (A B B A) in one process after both have been
compiled, and the ratio is that of the medians; the first epoch, compilation included, is shown beside it.

    python benchmarks/training/keras_loop.py [--rounds 10] [--threads N] [--compile auto|on|off] [--hand-xla]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ambidex.backends.keras.native import network
from ambidex.backends.keras.trainer import Trainer
from ambidex.graph import Builder, Graph, Value, initial_weights
from ambidex.losses import LOSSES
from ambidex.training.feed import Feed, Source
from ambidex.training.plan import Optimizer, Plan

# As the census data of UCI "Adult": rows, numbers, and the categories of each column.
ROWS, NUMBERS, CATEGORIES = 29_000, 6, (9, 16, 7, 15, 6, 5, 2, 42)
WIDTH, HIDDEN = 8, (256, 128)
# As the hourly series "ETTh": steps and columns, and windows of four days before and after.
STEPS, COLUMNS, LENGTH, UNITS = 8_640, 7, 96, 64
RATE, MOST = 1e-3, 1.15

Array = npt.NDArray[Any]
Epoch = Callable[[Array], Array]


class Contest(NamedTuple):
    """Two ways to train one network on batches (steps, batch); each call goes on from the last."""

    name: str
    by_hand: Epoch
    ours: Epoch
    samples: int
    batch: int
    steps: int


def by_hand(model: Any, loss_of: Callable[[Any], Any], is_compiled: bool) -> Epoch:
    """The loop itself."""
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=0.01, epsilon=1e-8)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    variables = model.trainable_variables
    optimizer.build(variables)

    def step(index: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(index)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    if is_compiled:
        step = tf.function(step, jit_compile=True)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64)])
    def epoch(order: Any) -> Any:
        losses = tf.TensorArray(tf.float32, size=tf.shape(order)[0])
        for i in tf.range(tf.shape(order)[0]):
            losses = losses.write(i, step(order[i]))
        return losses.stack()

    return lambda order: np.asarray(epoch(tf.constant(order)))


def ours(graph: Graph, feed: Feed, loss: str, options: argparse.Namespace) -> Epoch:
    """Our trainer, from the same weights with the same optimizer."""
    plan = Plan(device="cpu", compile=options.compile, optimizer=Optimizer(learning_rate=RATE))
    trainer = Trainer(graph, initial_weights(graph, 0), LOSSES[loss], plan)
    trainer.load(feed)
    return lambda order: trainer.run(order, np.full(len(order), RATE), 0)


def tabular_graph() -> Graph:
    count = len(CATEGORIES)
    builder = Builder(
        [
            Value(name="numbers", dtype="float32", shape=("B", NUMBERS)),
            Value(name="codes", dtype="int64", shape=("B", count)),
        ]
    )
    parts = ["numbers"]
    for i, size in enumerate(CATEGORIES):
        column = builder.add("network", f"column.{i}", "slice", "codes", axis=1, start=i, stop=i + 1)
        column = builder.add("network", f"code.{i}", "reshape", column, shape=())
        parts.append(builder.add("network", f"embed.{i}", "embedding", column, count=size, width=WIDTH))
    x = builder.add("network", "joined", "concat", *parts)
    for i, units in enumerate(HIDDEN):
        x = builder.add("network", f"dense.{i}", "dense", x, units=units)
        x = builder.add("network", f"act.{i}", "relu", x)
    x = builder.add("network", "head", "dense", x, units=1)
    return builder.build(prepared=["numbers", "codes"], raw_outputs=[x], outputs={"y": x})


def hand_mlp() -> Any:
    """As one would write it: embeddings beside numbers into a perceptron."""
    numbers, codes = keras.Input([NUMBERS]), keras.Input([len(CATEGORIES)], dtype="int32")
    tables = [keras.layers.Embedding(size, WIDTH)(codes[:, i]) for i, size in enumerate(CATEGORIES)]
    x = keras.layers.Concatenate()([numbers, *tables])
    for units in HIDDEN:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model([numbers, codes], keras.layers.Dense(1)(x))


def tabular(options: argparse.Namespace) -> Contest:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, NUMBERS)).astype(np.float32)
    codes = np.stack([rng.integers(0, count, ROWS) for count in CATEGORIES], axis=1)
    labels = (numbers[:, 0] + (codes[:, 1] % 3) - 1 + rng.normal(size=ROWS) > 0).astype(np.int64)
    inputs = {"numbers": Source(array=numbers), "codes": Source(array=codes)}
    graph = tabular_graph()
    run = ours(graph, Feed(num_samples=ROWS, inputs=inputs, target=Source(array=labels)), "cross_entropy", options)
    model = hand_mlp()
    model.set_weights(network(graph, initial_weights(graph, 0)).get_weights())
    x, c = tf.constant(numbers), tf.constant(codes, tf.int32)
    y = tf.constant(labels[:, None], tf.float32)

    def loss_of(index: Any) -> Any:
        logit = model([tf.gather(x, index), tf.gather(c, index)], training=True)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.gather(y, index), logit))

    return Contest("tabular MLP", by_hand(model, loss_of, options.hand_xla), run, ROWS, 256, ROWS // 256)


def series(options: argparse.Namespace) -> Contest:
    rng = np.random.default_rng(0)
    angle = np.arange(STEPS)[:, None] * 2 * np.pi / 24
    values = (np.sin(angle + np.arange(COLUMNS)) + 0.3 * rng.normal(size=(STEPS, COLUMNS))).astype(np.float32)
    count = STEPS - 2 * LENGTH + 1
    feed = Feed(
        num_samples=count,
        inputs={"x": Source(array=values, length=LENGTH)},
        target=Source(array=values, length=LENGTH, offset=LENGTH),
        starts=np.arange(count),
    )
    builder = Builder([Value(name="x", dtype="float32", shape=("B", "T", COLUMNS))])
    builder.add("network", "lstm", "lstm", "x", units=UNITS)
    builder.add("network", "head", "dense", "lstm", units=LENGTH * COLUMNS)
    builder.add("network", "steps", "reshape", "head", shape=(LENGTH, COLUMNS))
    graph = builder.build(prepared=["x"], raw_outputs=["steps"], outputs={"y": "steps"})
    run = ours(graph, feed, "mse", options)
    model = keras.Sequential(
        [
            keras.Input([LENGTH, COLUMNS]),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(LENGTH * COLUMNS),
            keras.layers.Reshape([LENGTH, COLUMNS]),
        ]
    )
    model.set_weights(network(graph, initial_weights(graph, 0)).get_weights())
    data, past = tf.constant(values), tf.range(LENGTH, dtype=tf.int64)

    def loss_of(index: Any) -> Any:
        rows = index[:, None] + past
        predicted = model(tf.gather(data, rows), training=True)
        return tf.reduce_mean(tf.square(predicted - tf.gather(data, rows + LENGTH)))

    return Contest("series LSTM", by_hand(model, loss_of, options.hand_xla), run, count, 64, 20)


def timed(epoch: Epoch, order: Array) -> tuple[float, float]:
    """Seconds, and the mean loss."""
    started = time.perf_counter()
    losses = epoch(order)
    return time.perf_counter() - started, float(np.mean(losses))


def measure(contest: Contest, rounds: int) -> float:
    """Prints the times of a contest and returns the ratio of the medians, ours to the hand-written."""
    rng = np.random.default_rng(1)

    def draw() -> Array:
        return rng.permutation(contest.samples)[: contest.steps * contest.batch].reshape(contest.steps, -1)

    order = draw()
    (hand_first, hand_loss), (our_first, our_loss) = timed(contest.by_hand, order), timed(contest.ours, order)
    hand: list[float] = []
    our: list[float] = []
    for turn in range(rounds):
        order = draw()
        for epoch, times in ((contest.by_hand, hand), (contest.ours, our))[:: 1 if turn % 2 == 0 else -1]:
            times.append(timed(epoch, order)[0])
    ratio = float(statistics.median(our) / statistics.median(hand))
    print(
        f"{contest.name:<12} by hand {statistics.median(hand):6.3f} s, ours {statistics.median(our):6.3f} s: "
        f"{ratio:4.2f} x (first: {hand_first:.1f} s, {our_first:.1f} s; losses {hand_loss:.4f}, {our_loss:.4f})",
        flush=True,
    )
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--compile", choices=["auto", "on", "off"], default="auto")
    parser.add_argument("--hand-xla", action="store_true")
    parser.add_argument("--only", choices=["tabular", "series"])
    options = parser.parse_args()
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    contests = {"tabular": tabular, "series": series}
    chosen = [options.only] if options.only else list(contests)
    return int(any(measure(contests[name](options), options.rounds) > MOST for name in chosen))


if __name__ == "__main__":
    raise SystemExit(main())
