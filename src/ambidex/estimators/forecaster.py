"""The estimator for series: `fit` on histories, `predict` what follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from ambidex.errors import UsageError, expected
from ambidex.estimators.estimator import Certify, Estimator

if TYPE_CHECKING:
    from ambidex.losses.loss import Loss


class Forecaster(Estimator):
    """The next `horizon` steps of one series or of many.

    Settings stand as they are given until `fit`, which checks them. None leaves a setting to the model. Those that
    are not below are as for `TabularClassifier`.

    Args:
        horizon: how many steps to forecast.
        window: how many steps of history to read; None takes four seasons of the data.
        scaling: `auto`, `none`, `standardize`, `log_ratio`, `difference` or `instance`.
        loss: a name, `module:function`, or a function of `(ops, y_true, y_pred)` with numbers (B, H, targets) in
            units of the scaling.
        validation: the share of the time at the end that decides between epochs, or a file of such series.
        quantiles: levels such as `(0.1, 0.5, 0.9)`, answered as columns beside the forecast.

    After `fit`: `artifact_` (see `ambidex.load`).

    Example:
        >>> from ambidex import Forecaster
        >>> model = Forecaster(horizon=24, model="lstm")  # then model.fit(series, target="OT", time="date")
        >>> model
        Forecaster(horizon=24, model='lstm')
    """

    def __init__(
        self,
        *,
        horizon: int = 1,
        window: int | None = None,
        scaling: str = "auto",
        backend: str = "auto",
        model: str = "auto",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        loss: str | Loss = "auto",
        metric: str = "loss",
        validation: float | str = 0.2,
        patience: int | None = None,
        seed: int = 0,
        quantiles: Sequence[float] = (),
        device: str = "auto",
        precision: str = "float32",
        threads: int | None = None,
        deterministic: bool = False,
        time_budget: float | None = None,
        columns: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        certify: Certify = "all",
        verbose: bool = False,
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.scaling = scaling
        self.backend = backend
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.metric = metric
        self.validation = validation
        self.patience = patience
        self.seed = seed
        self.quantiles = quantiles
        self.device = device
        self.precision = precision
        self.threads = threads
        self.deterministic = deterministic
        self.time_budget = time_budget
        self.columns = columns
        self.drop = drop
        self.settings = settings
        self.certify = certify
        self.verbose = verbose

    def fit(
        self,
        frame: Any,
        *,
        target: str | Sequence[str],
        time: str,
        series: str | Sequence[str] = (),
        past: str | Sequence[str] = (),
    ) -> Self:
        """Learns from a frame with a row per step (pandas, polars, Arrow, a dict of columns) and forgets what it knew.

        `target` names the column to forecast, or several; `time` the column of stamps; `series` the columns that
        tell several series apart; `past` numeric covariates that are known up to now. Raises `UsageError` or
        `DataError` for settings or data that cannot be used.
        """
        from ambidex.data.frames import table_from
        from ambidex.estimators.given import make_experiment

        values = {
            "task": "forecast",
            "targets": _names(target, "target"),
            "series.time": time,
            "series.keys": _names(series, "series"),
            "series.past": _names(past, "past"),
        }
        experiment, loss = make_experiment(self, values)
        self._train(table_from(frame), experiment, loss)
        return self

    def predict(self, history: Any) -> Any:
        """The steps after each series' last stamp, in the kind of frame that came: keys, time, targets, quantiles.

        `history` has the columns that were fitted on, with at least `artifact_.task.min_history` rows of each series.
        """
        self._require_fitted()
        return self.artifact_.predict(history)

    def score(self, frame: Any) -> float:
        """Minus `mse_scaled`, so that more is better.

        That is the squared error over every window of the frame, walking forward, divided by each target's variance
        in the part that was fitted on, averaged over targets. 0 is perfect, -1 about what their mean would reach.
        """
        from ambidex.data.frames import table_from
        from ambidex.workflow.evaluate import evaluate

        self._require_fitted()
        return -evaluate(self.artifact_, table_from(frame)).report.metrics["mse_scaled"]


def _names(given: str | Sequence[str], parameter: str) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(name, str) for name in names):
        raise UsageError(expected("names of columns", got=repr(given), where=parameter), where=parameter)
    return names
