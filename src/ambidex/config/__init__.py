"""One experiment as one record: from flags, `--set key=value`, and TOML."""

from ambidex.config.experiment import Experiment, Series
from ambidex.config.resolve import Given, resolve

__all__ = ["Experiment", "Given", "Series", "resolve"]
