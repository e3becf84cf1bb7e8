"""How each architecture is trained unless the user says otherwise: data, in one place.

Chosen on validation parts; `benchmarks/accuracy.py` and `benchmarks/etth1.py` measure them. One thread, because nets of
this size gain next to nothing from a second one, lose several times their speed where cores are shared, and would round
differently on every number of cores. Nets of a thousand units want `--threads`.

A recurrent net learns faster still at 5e-3, but beyond the edge of stability: rounding grows a thousandfold in 200
steps there, and runs in two engines drift apart (ETTh1: 5e-3 of the loss after 300 steps; at 3e-3 they stay within
3e-6).
"""

from __future__ import annotations

import math

from ambidex.training.plan import Optimizer, Plan

_MLP = Plan(
    epochs=40,
    patience=7,
    schedule="cosine",
    threads=1,
    optimizer=Optimizer(learning_rate=5e-3, weight_decay=0.01),
)
_RECURRENT = Plan(
    epochs=12,
    batch_size=256,
    epoch_samples=8192,
    patience=3,
    threads=1,
    optimizer=Optimizer(learning_rate=3e-3, weight_decay=0.0, clip=1.0),
)

PLANS: dict[str, Plan] = {
    "mlp": _MLP,
    "mlp_plain": _MLP,
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
}


def default_plan(model: str) -> Plan:
    """The plan of a model; models that are solved have the general one, of which only the seed matters."""
    return PLANS.get(model, Plan())


def batch_size(plan: Plan, num_samples: int) -> int:
    """The batch size of a run: as planned, else the power of two nearest a hundredth of the samples, 64 to 512."""
    if plan.batch_size:
        return plan.batch_size
    return min(512, max(64, int(2.0 ** round(math.log2(max(num_samples, 1) / 100)))))
