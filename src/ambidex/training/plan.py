"""How a network is trained: one closed record, the same for every engine."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]

OptimizerName = Literal["adamw", "adam", "sgd"]
Precision = Literal["float32", "tf32", "bfloat16", "float16"]
Compile = Literal["auto", "on", "off"]
ScheduleName = Literal["constant", "cosine", "one_cycle", "step"]


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The update equation, which is torch's in every engine.

    AdamW (Loshchilov & Hutter 2019): w ← w (1 - lr · decay); m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²;
    w ← w - lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε). Adam is the same with decay 0. SGD: u ← momentum · u + g;
    w ← w (1 - lr · decay) - lr · u. Decay skips biases and every other weight of one dimension.
    """

    name: OptimizerName = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Positive = 1e-8
    momentum: Share = 0.9
    clip: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training run. `epochs` is a maximum: `patience` epochs without a better validation loss end it earlier.

    `batch_size` 0 takes the power of two nearest a hundredth of the samples, between 64 and 512. `epoch_samples` > 0
    makes an epoch of that many samples, drawn anew each time. `min_delta` is the relative gain that counts as better.
    `time_budget_s` ends it after the epoch that passes it (0: none). `optimizer.clip` limits the global gradient norm
    (0: off). `accumulate` batches make one update. `ema` > 0 keeps an exponential average of the weights, which is
    what validation, the best epoch and the artifact use. `threads` 0 leaves the choice to the engine. Batches are
    full: an epoch has samples // batch_size steps, less those that would fill no update, each of exactly batch_size
    samples (or of fewer, all of one size, where there are not enough for one update).
    """

    epochs: Count = 40
    batch_size: Annotated[int, msgspec.Meta(ge=0)] = 0
    epoch_samples: Annotated[int, msgspec.Meta(ge=0)] = 0
    optimizer: Optimizer = Optimizer()
    schedule: ScheduleName = "constant"
    warmup: Share = 0.0
    patience: Count = 10
    min_delta: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    time_budget_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    accumulate: Count = 1
    ema: Share = 0.0
    seed: Seed = 0
    precision: Precision = "float32"
    compile: Compile = "auto"
    device: str = "auto"
    threads: Annotated[int, msgspec.Meta(ge=0)] = 0
    is_deterministic: bool = False
    record_steps: bool = False
