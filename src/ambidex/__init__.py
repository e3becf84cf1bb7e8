"""One model, either framework: neural networks for tables and time series in PyTorch or Keras, served with neither.

Importing this package loads the standard library only; each name below is imported when it is first used.
"""

from ambidex._lazy import attach
from ambidex._version import __version__

TYPE_CHECKING = False  # see `_lazy`
if TYPE_CHECKING:
    from ambidex import errors, exchange
    from ambidex.estimators import Forecaster, TabularClassifier, TabularRegressor
    from ambidex.workflow.ingest import import_model
    from ambidex.workflow.load import Artifact, load

__all__ = [
    "Artifact",
    "Forecaster",
    "TabularClassifier",
    "TabularRegressor",
    "__version__",
    "errors",
    "exchange",
    "import_model",
    "load",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Artifact": "ambidex.workflow.load",
        "Forecaster": "ambidex.estimators",
        "TabularClassifier": "ambidex.estimators",
        "TabularRegressor": "ambidex.estimators",
        "errors": "ambidex.errors",
        "exchange": "ambidex.exchange",
        "import_model": "ambidex.workflow.ingest",
        "load": "ambidex.workflow.load",
    },
)
