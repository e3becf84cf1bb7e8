"""What stands beside the source: how to run it, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable

from ambidex.eject.run import has_schedule
from ambidex.eject.subject import TITLES, Framework, Subject
from ambidex.schema import Column

PINNED: dict[str, str] = {
    "keras": "3.15.1",
    "matplotlib": "3.11.2",
    "numpy": "2.4.6",
    "safetensors": "0.8.0",
    "tensorflow-cpu": "2.21.0",
    "torch": "2.13.0",
}
"""The versions that the written code is tested with, which `constraints.txt` holds too."""
NEEDS: dict[str, tuple[str, ...]] = {
    "torch": ("numpy", "safetensors", "torch"),
    "keras": ("keras", "numpy", "tensorflow-cpu"),
}


def requirements(subject: Subject, framework: Framework, *, minimal: bool) -> str:
    """`requirements.txt`, pinned."""
    names = [*NEEDS[framework], *([] if minimal else ["matplotlib"])]
    return "".join(f"{name}=={PINNED[name]}\n" for name in sorted(names))


def readme(subject: Subject, framework: Framework, files: Iterable[str], *, minimal: bool) -> str:
    """`README.md`."""
    script = next(name for name in files if name.endswith(".py"))
    title = f"# {subject.title()}: {subject.experiment.model} in {TITLES[framework]}"
    lines = [title, "", *_intro(subject, framework, minimal=minimal), "", "```text", "pip install -r requirements.txt"]
    lines += [*_commands(subject, framework, script, minimal=minimal), "```", ""]
    lines += [
        "| file | holds |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in _files(subject, framework, files, minimal=minimal)),
    ]
    lines += ["", "## The data", "", *_data(subject)]
    if not minimal:
        lines += ["", "## The run", "", *_run(subject, framework)]
    return "\n".join(lines) + "\n"


def _intro(subject: Subject, framework: Framework, *, minimal: bool) -> list[str]:
    what = "the next steps of a series" if subject.is_series else "a column of a table"
    what = "columns of a table" if not subject.is_series and len(subject.targets) > 1 else what
    lines = [f"Plain {TITLES[framework]} and NumPy that predicts {what}. Nothing else is needed to run it."]
    if minimal:
        lines.append("The prediction is complete; the training is an outline to build on.")
    return lines


def _commands(subject: Subject, framework: Framework, script: str, *, minimal: bool) -> list[str]:
    if minimal:
        return [f"python {script} DATA.csv", f"python {script} DATA.csv --train"]
    trained = {"torch": "trained.safetensors", "keras": "trained.weights.h5"}[framework]
    trained = "trained.npz" if subject.is_solved and framework == "keras" else trained
    file = " VALIDATION.csv" if isinstance(subject.experiment.validation, str) else ""
    return [
        f"python {script} predict DATA.csv -o answers.csv",
        f"python {script} train DATA.csv{file}",
        f"python {script} predict DATA.csv --weights {trained}",
    ]


def _files(subject: Subject, framework: Framework, files: Iterable[str], *, minimal: bool) -> list[tuple[str, str]]:
    suffix = {"torch": "safetensors", "keras": "npz"}[framework]
    known = {
        "preparation.json": "what the preparation learnt from the training rows",
        "requirements.txt": "the packages, at the versions that this was tested with",
    }
    found = [(name, "the program") for name in files if name.endswith(".py")]
    found += [(name, text) for name, text in known.items() if name in files]
    found.append((f"weights.{suffix}", "the trained weights"))
    if not minimal and not subject.is_solved:
        found.append((f"initial.{suffix}", "the weights that the run began with"))
    return found


def _data(subject: Subject) -> list[str]:
    rows = [f"| {_cell(column.name)} | {_kind(column)} | {column.role} |" for column in subject.schema.columns]
    return ["A CSV file whose first line names the columns:", "", "| column | kind | use |", "|---|---|---|", *rows]


def _kind(column: Column) -> str:
    pattern = f", written as `{column.time_format}`" if column.time_format else ""
    return f"{column.kind}{pattern}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _run(subject: Subject, framework: Framework) -> list[str]:
    if subject.is_solved:
        return ["The weights solve a ridge regression over all windows; `train` solves it again."]
    plan = subject.plan
    rate = f"learning rate {plan.optimizer.learning_rate:g}" + (f" ({plan.schedule})" if has_schedule(subject) else "")
    return [
        f"{plan.optimizer.name} with {rate}, batches of {plan.batch_size}, at most {plan.epochs} epochs.",
        "It starts from `initial.*`, takes the batches in the order of the run and splits the rows as the",
        "run did, so its losses are those of the run, up to rounding, where the data is the same file.",
        *_differences(subject, framework),
        "What the preparation learnt is not fitted again: for other data, train a new model with ambidex.",
    ]


def _differences(subject: Subject, framework: Framework) -> list[str]:
    """What the framework does in its own way."""
    lines = []
    if subject.has_op("dropout") and framework == "torch":
        lines.append("PyTorch's stream of dropout follows from the seed too.")
    if subject.has_op("dropout") and framework == "keras":
        lines.append(
            "Dropout comes from a stream of Keras's own: with it, the losses are near those of the run, not equal."
        )
    if subject.has_op("batch_norm") and framework == "torch":
        lines.append("PyTorch's batch norm keeps the unbiased variance: n / (n - 1) times what the run kept.")
    if subject.plan.ema and framework == "keras":
        lines.append("Keras's average of the weights begins after the first update, the run's before it.")
    if subject.plan.compile == "on":
        lines.append("The run was compiled, which this program is not.")
    return lines
