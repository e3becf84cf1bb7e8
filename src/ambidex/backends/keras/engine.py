"""The few verbs that differ between TensorFlow and JAX, chosen by the engine that Keras runs on."""

from __future__ import annotations

from typing import Any

from ambidex.backends.keras import _import

if _import.active_engine() == "jax":
    from ambidex.backends.keras import steps_jax as _steps
else:
    from ambidex.backends.keras import steps_tensorflow as _steps  # type: ignore[no-redef]

steps: Any = _steps
