"""A metric as what decides between epochs, computed from the engine's own predictions."""

from __future__ import annotations

from ambidex.errors import UsageError, expected, one_of
from ambidex.graph import decode, prepare
from ambidex.training.engine import Trainer
from ambidex.training.loop import EVALUATION_BATCH, Score
from ambidex.workflow.problem import Arrays, Problem

HIGHER_IS_BETTER: frozenset[str] = frozenset(
    {"accuracy", "balanced_accuracy", "roc_auc", "average_precision", "r2", "directional_accuracy"}
)
LOWER_IS_BETTER: frozenset[str] = frozenset({"log_loss", "ece", "rmse", "mae"})


def make_score(metric: str, problem: Problem) -> Score:
    """The score of a metric on the validation rows: the metric itself, or minus it where higher is better."""
    names = HIGHER_IS_BETTER | LOWER_IS_BETTER
    if metric not in names or problem.task.kind == "forecast":
        known = ["loss"] if problem.task.kind == "forecast" else [*names, "loss"]
        raise UsageError(expected(one_of(known, metric), got=f"metric {metric!r}", where="--metric"), where="--metric")
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0

    def score(trainer: Trainer, validation_loss: float) -> float:
        raw = trainer.predict(problem.validation, EVALUATION_BATCH)

        def predict(inputs: Arrays) -> Arrays:
            return decode(problem.graph, raw, prepare(problem.graph, inputs))

        metrics = problem.judge(predict).metrics
        if metric not in metrics:
            raise UsageError(expected(one_of(metrics, metric), got=f"metric {metric!r}", where="--metric"))
        return sign * metrics[metric]

    return score
