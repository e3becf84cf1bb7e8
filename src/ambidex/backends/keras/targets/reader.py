"""Runs a `.keras` file as anybody would who has Keras and not ambidex: `python reader.py FOLDER`.

The folder holds `job.json` with the path of the model and the names of its outputs, and `inputs-0.npz`, …; the answers
are written beside them. It is a script, and imports nothing of ambidex: that is what it shows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOREIGN: dict[str, Any] = sys.modules  # None in it forbids an import


def main(folder: Path) -> None:
    """Loads the model in safe mode and writes `outputs-N.npz` for every `inputs-N.npz`."""
    FOREIGN["ambidex"] = None
    import keras
    import numpy as np

    job = json.loads((folder / "job.json").read_text())
    model = keras.models.load_model(job["model"], compile=False)
    for number in range(job["batches"]):
        with np.load(folder / f"inputs-{number}.npz") as file:
            inputs = [file[f"arr_{position}"] for position in range(len(file.files))]
        found = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
        outputs = [found[name] for name in job["outputs"]] if isinstance(found, dict) else [found]
        np.savez(folder / f"outputs-{number}.npz", *(np.asarray(output, np.float32) for output in outputs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
