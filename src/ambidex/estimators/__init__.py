"""The scikit-learn door: estimators over the workflow, which never need scikit-learn themselves."""

from ambidex.estimators.forecaster import Forecaster
from ambidex.estimators.tabular import TabularClassifier, TabularRegressor

__all__ = ["Forecaster", "TabularClassifier", "TabularRegressor"]
