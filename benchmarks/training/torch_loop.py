"""Our PyTorch trainer against a loop written by hand as PyTorch's tuning guide advises, on the same two networks.

The hand-written loop keeps whole tensors on the device, draws batches by index (no loader), uses the fused AdamW and
never waits for a loss. Both start from equal weights and see equal batches; their losses are compared too. The two are
timed in turns (A B B A) in one process, and the ratio is that of the medians.

    python benchmarks/training/torch_loop.py [--rounds 5] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ambidex.backends.torch.trainer import Trainer
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


class HandMlp(nn.Module):
    """Embeddings beside numbers into a perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(count, WIDTH) for count in CATEGORIES)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise((NUMBERS + WIDTH * len(CATEGORIES), *HIDDEN)))
        self.head = nn.Linear(HIDDEN[-1], 1)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        x = torch.cat([numbers, *(table(codes[:, i]) for i, table in enumerate(self.embeddings))], dim=-1)
        for layer in self.hidden:
            x = functional.relu(layer(x))
        logit: Tensor = self.head(x)
        return logit


class HandLstm(nn.Module):
    """The last state of one layer to all values of the horizon."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(COLUMNS, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, LENGTH * COLUMNS)

    def forward(self, x: Tensor) -> Tensor:
        flat: Tensor = self.head(self.lstm(x)[0][:, -1])
        return flat.view(-1, LENGTH, COLUMNS)


def by_hand(module: nn.Module, loss_of: Callable[[Tensor], Tensor]) -> Epoch:
    """The loop itself."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": 0.01},
        {"params": [parameter for parameter in trained if parameter.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, fused=True)

    def epoch(order: Array) -> Array:
        module.train()
        losses = []
        for index in torch.from_numpy(order):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(index)
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without types
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).numpy()

    return epoch


def ours(graph: Graph, feed: Feed, loss: str, threads: int) -> Epoch:
    """Our trainer, from the same weights with the same optimizer."""
    plan = Plan(device="cpu", threads=threads, optimizer=Optimizer(learning_rate=RATE))
    trainer = Trainer(graph, initial_weights(graph, 0), LOSSES[loss], plan)
    trainer.load(feed)
    return lambda order: trainer.run(order, np.full(len(order), RATE), 0)


def fill(module: nn.Module, weights: dict[str, Array]) -> None:
    module.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in weights.items()})


def tabular(threads: int) -> Contest:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(ROWS, NUMBERS)).astype(np.float32)
    codes = np.stack([rng.integers(0, count, ROWS) for count in CATEGORIES], axis=1)
    labels = (numbers[:, 0] + (codes[:, 1] % 3) - 1 + rng.normal(size=ROWS) > 0).astype(np.int64)
    inputs = {"numbers": Source(array=numbers), "codes": Source(array=codes)}
    graph = tabular_graph()
    feed = Feed(num_samples=ROWS, inputs=inputs, target=Source(array=labels))
    run = ours(graph, feed, "cross_entropy", threads)
    module = HandMlp()
    weights = initial_weights(graph, 0)
    fill(
        module,
        {f"embeddings.{i}.weight": weights[f"embed.{i}.table"] for i in range(len(CATEGORIES))}
        | {f"hidden.{i}.weight": weights[f"dense.{i}.kernel"].T for i in range(2)}
        | {f"hidden.{i}.bias": weights[f"dense.{i}.bias"] for i in range(2)}
        | {"head.weight": weights["dense.2.kernel"].T, "head.bias": weights["dense.2.bias"]},
    )
    x, c, y = torch.from_numpy(numbers), torch.from_numpy(codes), torch.from_numpy(labels.astype(np.float32))

    def loss_of(index: Tensor) -> Tensor:
        logit = module(x.index_select(0, index), c.index_select(0, index))[:, 0]
        return functional.binary_cross_entropy_with_logits(logit, y.index_select(0, index))

    return Contest("tabular MLP", by_hand(module, loss_of), run, ROWS, 256, ROWS // 256)


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
    x = builder.add("network", f"dense.{len(HIDDEN)}", "dense", x, units=1)
    return builder.build(prepared=["numbers", "codes"], raw_outputs=[x], outputs={"y": x})


def series(threads: int) -> Contest:
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
    graph = series_graph()
    run = ours(graph, feed, "mse", threads)
    module = HandLstm()
    weights = initial_weights(graph, 0)
    fill(
        module,
        {
            "lstm.weight_ih_l0": weights["lstm.forward.kernel"].T,
            "lstm.weight_hh_l0": weights["lstm.forward.recurrent_kernel"].T,
            "lstm.bias_ih_l0": weights["lstm.forward.bias"],
            "lstm.bias_hh_l0": np.zeros(4 * UNITS, np.float32),
            "head.weight": weights["head.kernel"].T,
            "head.bias": weights["head.bias"],
        },
    )
    module.lstm.bias_hh_l0.requires_grad_(False)
    windows = torch.from_numpy(values).unfold(0, LENGTH, 1).transpose(1, 2)

    def loss_of(index: Tensor) -> Tensor:
        predicted = module(windows.index_select(0, index))
        return functional.mse_loss(predicted, windows.index_select(0, index + LENGTH))

    return Contest("series LSTM", by_hand(module, loss_of), run, count, 64, 40)


def series_graph() -> Graph:
    builder = Builder([Value(name="x", dtype="float32", shape=("B", LENGTH, COLUMNS))])
    x = builder.add("network", "lstm", "lstm", "x", units=UNITS)
    x = builder.add("network", "head", "dense", x, units=LENGTH * COLUMNS)
    x = builder.add("network", "steps", "reshape", x, shape=(LENGTH, COLUMNS))
    return builder.build(prepared=["x"], raw_outputs=[x], outputs={"y": x})


def measure(contest: Contest, rounds: int) -> float:
    """Times both in turns, prints one line and returns the ratio of the medians."""
    rng = np.random.default_rng(1)
    runs = {"hand": contest.by_hand, "ours": contest.ours}
    times: dict[str, list[float]] = {"hand": [], "ours": []}
    first: dict[str, Array] = {}
    for turn in range(rounds + 1):
        order = rng.permutation(contest.samples)[: contest.steps * contest.batch].reshape(-1, contest.batch)
        # Each trains twice on the same order, in the turns A B B A.
        for name in ("hand", "ours", "ours", "hand"):
            started = time.perf_counter()
            losses = runs[name](order)
            first.setdefault(name, losses)
            if turn:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    scale = contest.samples / (contest.steps * contest.batch)
    hand, our = (statistics.median(times[name]) * scale for name in ("hand", "ours"))
    least = min(times["ours"]) / min(times["hand"])
    apart = float(np.max(np.abs(first["ours"] / first["hand"] - 1)))
    print(
        f"{contest.name:<12} by hand {hand:7.3f} s/epoch   ours {our:7.3f} s/epoch   ratio {our / hand:.3f} "
        f"(of the fastest: {least:.3f})   losses of the first {contest.steps} steps apart by {apart:.0e}"
    )
    return our / hand


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ratios = [measure(make(arguments.threads), arguments.rounds) for make in (tabular, series)]
    print(f"at most {MOST}: {'kept' if max(ratios) <= MOST else 'missed'}")
    return 0 if max(ratios) <= MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
