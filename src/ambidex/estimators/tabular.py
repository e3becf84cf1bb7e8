"""Estimators for tables: `fit`, `predict`, `predict_proba`, `score`, `save`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from ambidex.errors import DataError, UsageError, expected
from ambidex.estimators.estimator import Certify, Estimator
from ambidex.estimators.labels import are_texts, distinct_labels, original_classes, positions
from ambidex.estimators.rows import WEIGHT, free_name, has_names, joined, read_rows, split_target, split_weight

if TYPE_CHECKING:
    from ambidex.data.table import Table, Values
    from ambidex.losses.loss import Loss

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class _Tabular(Estimator):
    """Rows and targets in, answers out."""

    n_features_in_: int
    feature_names_in_: Array
    columns: Mapping[str, str] | None
    _names: tuple[str, ...]

    def _fit_table(self, table: Table, rows: Any, targets: Mapping[str, Values], options: Mapping[str, Any]) -> None:
        """Trains on the features of `table` with the targets; `options` are `task`, `kind` of the targets, `weight`."""
        from ambidex.estimators.given import make_experiment, plain

        if table.num_rows < 2:
            raise DataError(expected("at least 2 rows to learn from", got="1 sample"))
        names = table.names
        overrides = {**dict.fromkeys(targets, options["kind"]), **plain(self.columns or {})}
        values = {
            "targets": list(targets),
            "task": options["task"],
            "columns": {name: kind for name, kind in overrides.items() if kind},
        }
        columns = dict(targets)
        if options["weight"] is not None:
            values["weight"] = free_name(WEIGHT, [*names, *targets])
            columns[values["weight"]] = options["weight"]
        experiment, loss = make_experiment(self, values)
        self._train(joined(table, columns), experiment, loss)
        self._names = names
        self.n_features_in_ = len(names)
        if has_names(rows):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _rows(self, X: Any) -> Table:  # noqa: N803 - scikit-learn's name
        """Rows to answer: by name, or in the order of the fitted columns."""
        self._require_fitted()
        return read_rows(X, names=self._names, owner=type(self).__name__)

    def _truth(self, X: Any, y: Any) -> dict[str, Values]:  # noqa: N803 - scikit-learn's name
        """The targets to score against: `y`, or the columns of X that the model was fitted on."""
        self._require_fitted()
        if y is None or isinstance(y, str):
            table = read_rows(X)
            names = [target.name for target in self.artifact_.task.targets] if y is None else [y]
            return {name: table.column(name) for name in names}
        return split_target(read_rows({"x": [0] * len(y)}), y, type(self).__name__)[1]


class TabularClassifier(_Tabular):
    """Classes from the columns of a table.

    Settings stand as they are given until `fit`, which checks them. None leaves a setting to the model.

    Args:
        backend: `torch`, `tensorflow`, `jax`, or `auto`: the first that is installed.
        model: an architecture (`ambidex models` lists them), or `auto`.
        epochs: at most this many; `patience` epochs without a better validation loss end it earlier.
        batch_size: rows per step.
        learning_rate: of the optimizer at its highest.
        loss: a name, `module:function`, or a function of `(ops, y_true, y_pred)`; see `ambidex.losses.loss.Loss`.
        metric: what decides between epochs: `loss` or a measure such as `accuracy`, `roc_auc`.
        validation: the share of rows that decides between epochs, or a file of such rows.
        split: `random` (stratified), `time`, `group:COL` or `hash:COL`.
        patience: see `epochs`.
        seed: of everything that is drawn.
        class_weight: `balanced`, or a weight for each label.
        threshold: the probability from which the second of two classes is decided.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `float32`, `tf32`, `bfloat16` or `float16`.
        threads: of the engine on the CPU (default: one); 0 leaves the choice to it.
        deterministic: equal runs on one machine give equal files.
        time_budget: seconds after which no epoch is begun.
        columns: what a column is, by name: `number`, `flag`, `category`, `time`, `time:PATTERN` or `drop`.
        drop: columns to leave out.
        settings: any other field of the experiment, as `--set` takes it: `{"hidden": [64, 64], "dropout": 0.2}`.
        certify: what the certificate of a saved model covers; see `ambidex.estimators.estimator.Certify`.
        verbose: shows a bar and the notes on stderr; the notes are in `artifact_.training.notes` in any case.

    After `fit`: `artifact_` (see `ambidex.load`), `classes_`, `n_features_in_`, and for frames `feature_names_in_`.

    Example:
        >>> from ambidex import TabularClassifier
        >>> model = TabularClassifier(backend="torch", epochs=30)  # then model.fit(frame, "income")
        >>> model
        TabularClassifier(backend='torch', epochs=30)
    """

    kind: ClassVar[str] = "classifier"
    _estimator_type: ClassVar[str] = "classifier"
    classes_: Array

    def __init__(
        self,
        *,
        backend: str = "auto",
        model: str = "auto",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        loss: str | Loss = "auto",
        metric: str = "loss",
        validation: float | str = 0.2,
        split: str = "random",
        patience: int | None = None,
        seed: int = 0,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        threshold: float = 0.5,
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
        self.backend = backend
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.metric = metric
        self.validation = validation
        self.split = split
        self.patience = patience
        self.seed = seed
        self.class_weight = class_weight
        self.threshold = threshold
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

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learns from a frame (pandas, polars, Arrow, NumPy, a dict of columns, lists) and forgets what it knew.

        `y` is the name of the target's column in X, or its labels, of type str, int or bool, which come back in that
        type. `sample_weight` is the name of a column, or numbers. Rows without a label are left out. Raises
        `UsageError` or `DataError` for settings or data that cannot be used.
        """
        table, weight = split_weight(read_rows(X), sample_weight)
        table, targets = split_target(table, y, type(self).__name__)
        if len(targets) > 1:
            raise UsageError(expected("one target for classes", got=len(targets), fix="Fit one model for each."))
        (values,) = targets.values()
        distinct = distinct_labels(values)
        options = {
            "task": "binary" if len(distinct) == 2 else "multiclass",
            "kind": "category" if are_texts(values) else "",
            "weight": _class_weighted(self.class_weight, values, weight),
        }
        self._fit_table(table, X, targets, options)
        self.classes_ = original_classes(values, y, self.artifact_.classes)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803 - scikit-learn's name
        """The label of each row, in the type of the labels that were given."""
        table = self._rows(X)
        return self.classes_[positions(self.artifact_.predict(table), self.artifact_.classes)]

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Probabilities (rows, classes) in the order of `classes_`."""
        table = self._rows(X)
        return self.artifact_.predict_proba(table)

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> float:  # noqa: N803 - scikit-learn's name
        """The accuracy; without `y` the labels are in X under the target's name."""
        (values,) = self._truth(X, y).values()
        truth = np.empty(len(values), dtype=object)
        truth[:] = values.tolist() if isinstance(values, np.ndarray) else values
        right = truth == self.predict(X).astype(object)
        return float(np.average(right, weights=sample_weight))


class TabularRegressor(_Tabular):
    """Numbers from the columns of a table; several targets at once where `y` has several columns.

    Settings as those of `TabularClassifier`, without its classes. `quantiles` are levels such as `(0.1, 0.5, 0.9)`
    that `predict_quantiles` answers. After `fit`: `artifact_`, `n_features_in_`, and for frames `feature_names_in_`.

    Example:
        >>> from ambidex import TabularRegressor
        >>> TabularRegressor(quantiles=(0.1, 0.5, 0.9)).get_params()["quantiles"]
        (0.1, 0.5, 0.9)
    """

    kind: ClassVar[str] = "regressor"
    _estimator_type: ClassVar[str] = "regressor"

    def __init__(
        self,
        *,
        backend: str = "auto",
        model: str = "auto",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        loss: str | Loss = "auto",
        metric: str = "loss",
        validation: float | str = 0.2,
        split: str = "random",
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
        self.backend = backend
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.metric = metric
        self.validation = validation
        self.split = split
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

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Learns from a frame (pandas, polars, Arrow, NumPy, a dict of columns, lists) and forgets what it knew.

        `y` is the name of the target's column in X, a list of such names, or the numbers, (rows,) or (rows, targets).
        `sample_weight` is the name of a column, or numbers. Rows without a number are left out. Raises `UsageError`
        or `DataError` for settings or data that cannot be used.
        """
        table, weight = split_weight(read_rows(X), sample_weight)
        table, targets = split_target(table, y, type(self).__name__)
        self._fit_table(table, X, targets, {"task": "regression", "kind": "number", "weight": weight})
        return self

    def predict(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """The number of each row, (rows,), or of each target, (rows, targets)."""
        table = self._rows(X)
        answers = self.artifact_.predict(table)
        return np.stack(list(answers.values()), axis=1) if isinstance(answers, dict) else answers

    def predict_quantiles(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """The quantiles (rows, levels) in the order of the levels, or (rows, targets, levels)."""
        from ambidex.workflow.predict import predict_packed

        table = self._rows(X)
        task = self.artifact_.task
        if not task.quantiles:
            fix = "Give quantiles=(0.1, 0.5, 0.9) to the constructor."
            raise UsageError(expected("a model with quantiles", got="one without", fix=fix))
        outputs = predict_packed(self.artifact_, table)
        answers = [outputs[f"{target.name}_quantiles"] for target in task.targets]
        return np.stack(answers, axis=1) if len(answers) > 1 else answers[0]

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> float:  # noqa: N803 - scikit-learn's name
        """R², averaged over the targets; without `y` the numbers are in X under the targets' names."""
        columns = [np.asarray(values, dtype=np.float64) for values in self._truth(X, y).values()]
        truth = np.stack(columns, axis=1)
        error = ((truth - self.predict(X).reshape(truth.shape)) ** 2).T
        spread = ((truth - np.average(truth, axis=0, weights=sample_weight)) ** 2).T
        weights = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        missed, total = error @ weights, spread @ weights
        perfect = np.where(missed == 0, 1.0, 0.0)
        return float(np.mean(np.where(total > 0, 1 - missed / np.where(total > 0, total, 1), perfect)))


def _class_weighted(class_weight: Any, values: Values, weight: Any) -> Any:
    """Row weights times the weight of each row's label, where weights by label were given."""
    if not isinstance(class_weight, Mapping):
        return weight
    labels = values.tolist() if isinstance(values, np.ndarray) else values
    factors = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    return factors if weight is None else factors * np.asarray(weight, dtype=np.float64)
