"""How each architecture is trained unless the user says otherwise: data, in one place."""

from __future__ import annotations

from ambidex.training.plan import Optimizer, Plan

_RECURRENT = Plan(epochs=30, batch_size=256, patience=5, optimizer=Optimizer(clip=1.0, weight_decay=0.0))

PLANS: dict[str, Plan] = {
    "mlp": Plan(),
    "mlp_plain": Plan(),
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
}


def default_plan(model: str) -> Plan:
    """The plan of a model; models that are solved have the general one, of which only the seed matters."""
    return PLANS.get(model, Plan())
