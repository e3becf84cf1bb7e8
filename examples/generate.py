"""Writes the ejected examples: `python examples/generate.py` (with --check: fails where a text is stale).

The texts follow from the data and the settings below, without any training. `--train` also makes the weights anew.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ambidex.config import Experiment, Series
from ambidex.data.read import read_table
from ambidex.data.table import Table
from ambidex.eject import Subject, sources, weight_files
from ambidex.eject.subject import FRAMEWORKS, TITLES, Framework
from ambidex.training.defaults import default_plan
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem
from ambidex.workflow.train import fit

HERE = Path(__file__).resolve().parent
SEATTLE = Experiment(
    targets=("temp_max",),
    model="lstm",
    series=Series(time="date", horizon=7, window=28),
    settings={"units": 32},
    plan=msgspec.structs.replace(default_plan("lstm"), batch_size=64),
)
ADULT = Experiment(
    targets=("income",),
    drop=("uci_split",),
    model="mlp",
    plan=msgspec.structs.replace(default_plan("mlp"), batch_size=512, epochs=10),
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A pair of programs: their folder, names by framework, data, experiment, and whether they are a page each."""

    folder: str
    names: dict[Framework, str]
    title: str
    data: str
    experiment: Experiment
    minimal: bool = False


EXAMPLES: tuple[Example, ...] = (
    Example(
        folder="simple_forecast",
        names={"torch": "simple_pytorch_example", "keras": "simple_timeseries_example"},
        title="A minimal forecaster",
        data="seattle_weather_daily.csv",
        experiment=SEATTLE,
        minimal=True,
    ),
    Example(
        folder="complete_forecast",
        names={"torch": "timeseries_pytorch", "keras": "timeseries_deep_learning"},
        title="A complete forecaster",
        data="seattle_weather_daily.csv",
        experiment=SEATTLE,
    ),
    Example(
        folder="tabular_ann",
        names={"torch": "tabular_ann_pytorch", "keras": "tabular_ann_keras"},
        title="A network for a table",
        data="adult.csv.gz",
        experiment=ADULT,
    ),
)
DIFFERENCES: tuple[tuple[str, str, str], ...] = (
    (
        "the network",
        "a class: layers in `__init__`, what flows in `forward`",
        "a function: a graph of layers called on symbols",
    ),
    ("sizes of inputs", "given for every layer", "found by every layer"),
    ("data", "a `DataLoader` over arrays, batch by batch", "a `PyDataset` (or arrays), given to `fit`"),
    ("the loop", "written out: forward, loss, `backward`, `step`", "`compile` and `fit`; callbacks reach into it"),
    ("gradients", "add up until `optimizer.zero_grad()` clears them", "made for each batch; nothing to clear"),
    ("device", "chosen: `.to(device)` for the model and every batch", "TensorFlow takes a GPU where there is one"),
    ("training or not", "`model.train()`, `model.eval()`", "`training=` is passed by `fit` and `predict`"),
    ("mixed precision", "`torch.autocast` and a `GradScaler`", "a dtype policy, set before the model is built"),
    ("early stopping", "a comparison and a copy of the weights", "`EarlyStopping(restore_best_weights=True)`"),
    (
        "layout",
        "`Linear` holds (outputs, inputs), an LSTM two biases",
        "`Dense` holds (inputs, outputs), an LSTM one bias",
    ),
)
"""What differs between the programs of a pair: in PyTorch, in Keras."""


def main(arguments: list[str]) -> int:
    """Writes what is stale, or says what is."""
    stale: list[str] = []
    for example in EXAMPLES:
        folder = HERE / example.folder
        folder.mkdir(exist_ok=True)
        texts_now = texts(example)
        old = [name for name, text in texts_now.items() if not _is_fresh(folder / name, text)]
        stale += [f"{example.folder}/{name}" for name in old]
        if "--check" in arguments:
            continue
        for name in old:
            (folder / name).write_text(texts_now[name], encoding="utf-8")
        if "--train" in arguments:
            write_weights(example)
    for name in stale:
        print("stale:" if "--check" in arguments else "wrote", name)
    return 1 if stale and "--check" in arguments else 0


def _is_fresh(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def texts(example: Example) -> dict[str, str]:
    """Every text of an example's folder, as eject writes it today."""
    subject = subject_of(example)
    found: dict[str, str] = {}
    pins: set[str] = set()
    for framework in FRAMEWORKS:
        files = sources(subject, framework, minimal=example.minimal, name=example.names[framework])
        pins |= set(files.pop("requirements.txt").split())
        del files["README.md"]
        found |= files
    return found | {
        "requirements.txt": "".join(f"{pin}\n" for pin in sorted(pins)),
        "README.md": readme(example, found),
    }


def subject_of(example: Example) -> Subject:
    """The graph and the plan, fitted on the data and not trained."""
    build = series_problem if example.experiment.is_series else table_problem
    problem = build(example.experiment, _table(example))
    return Subject(graph=problem.graph, schema=problem.schema, experiment=example.experiment, loss=problem.loss_name)


def _table(example: Example) -> Table:
    return read_table(HERE / "data" / example.data)


def write_weights(example: Example) -> None:
    """Trains once and writes the weights for both frameworks."""
    draft = fit(_table(example), msgspec.structs.replace(example.experiment, backend="torch"))
    subject = subject_of(example)
    for framework in FRAMEWORKS:
        files = weight_files(subject, framework, draft.weights, minimal=example.minimal)
        for name, data in files.items():
            (HERE / example.folder / name).write_bytes(data)


def readme(example: Example, files: dict[str, str]) -> str:
    """Both programs side by side, and what differs."""
    data = f"../data/{example.data}"
    lines = [f"# {example.title}, in PyTorch and in Keras", ""]
    lines += [
        "Two programs that do the same from the same weights, as `ambidex eject` writes them. Neither needs ambidex.",
        "",
    ]
    lines += ["```text", "pip install -r requirements.txt"]
    for framework in FRAMEWORKS:
        name = example.names[framework]
        if example.minimal:
            lines += [f"python {name}.py {data}", f"python {name}.py {data} --train"]
        else:
            lines += [f"python {name}.py predict {data}", f"python {name}.py train {data} --epochs 3"]
    lines += ["```", "", *_table_of_files(example, files), "", "## Side by side", ""]
    for framework in FRAMEWORKS:
        name = f"{example.names[framework]}.py"
        lines += [f"The network in {TITLES[framework]} (`{name}`):", "", "```python", *_network(files[name]), "```", ""]
    lines += ["## What differs", "", "| | PyTorch | Keras |", "|---|---|---|"]
    lines += [f"| {what} | {torch} | {keras} |" for what, torch, keras in DIFFERENCES]
    return "\n".join(lines) + "\n"


def _table_of_files(example: Example, files: dict[str, str]) -> list[str]:
    return [
        f"`{name}` has {text.count(chr(10))} lines." for name, text in sorted(files.items()) if name.endswith(".py")
    ]


def _network(text: str) -> list[str]:
    """The lines of the class or the function that is the network."""
    lines = text.split("\n")
    heads = ("class Network", "def build_model")
    first = next(place for place, line in enumerate(lines) if line.startswith(heads))
    last = next(place for place in range(first + 1, len(lines)) if lines[place] and not lines[place].startswith(" "))
    return "\n".join(lines[first:last]).rstrip().split("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
