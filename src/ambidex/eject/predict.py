"""The prediction script: a CSV file in, a CSV file out."""

from __future__ import annotations

from importlib import import_module

from ambidex.eject.subject import Framework, Subject
from ambidex.eject.text import fill, keep, literal

_WRITE = '''
def write_table(columns, path):
    """Columns as a CSV file, or on the screen."""
    with open(path, "w", newline="") if path else nullcontext(sys.stdout) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
'''
_TABLE = '''
def predict(table, model):
    """Answers by name for the columns of a table."""
    values = prepare(**pack(table))
    return decode(run_network(model, [@inputs@]))


def answer_columns(answers):
    """Answers as columns of a CSV file."""
    columns = {}
    for name, values in answers.items():
        if name.endswith("_probabilities"):  #? classes
            target = name.removesuffix("_probabilities")  #? classes
            for place, label in enumerate(CLASSES):  #? classes
                columns[f"{target}_p_{label}"] = values[:, place].tolist()  #? classes
        if name.endswith("_quantiles"):  #? quantiles
            target = name.removesuffix("_quantiles")  #? quantiles
            for place, level in enumerate(@levels@):  #? quantiles
                columns[f"{target}_q{level:g}"] = values[:, place].tolist()  #? quantiles
        else:  #? several
            columns[name] = values.tolist()  #? several
        columns[name] = values.tolist()  #? not several
    return columns


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="a CSV file with the columns that the model reads")
    parser.add_argument("-o", "--output", help="where to write; else the screen")
    parser.add_argument("--weights", default=str(HERE / "@saved@"))
    args = parser.parse_args()
    columns = answer_columns(predict(read_table(args.data), load_model(args.weights)))
    write_table(columns, args.output)
'''
_SERIES = '''
def forecast(series, model):
    """Answers by name for the steps after each series."""
    found = []
    for _, times, values in series:
        if len(values) < @least@:
            sys.exit(f"Expected at least @least@ steps of history, got {len(values)}.")
        times, values = times[-HISTORY:], values[-HISTORY:]
        prepared = prepare(values[None], times[None, :, None])
        raw = run_network(model, [@inputs@])
        found.append(decode(raw, prepared))  #? needs
        found.append(decode(raw))  #? not needs
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def answer_columns(series, answers):
    """Keys, times and forecasts as columns of a CSV file."""
    columns = {}
    for place, name in enumerate(KEYS):  #? keys
        columns[name] = [key[place] for key, _, _ in series for _ in range(HORIZON)]  #? keys
    ahead = [following(times[-1], HORIZON) for _, times, _ in series]
    ahead = [stamps.astype("datetime64[us]").astype(str) for stamps in ahead]  #? regular
    columns[TIME] = np.concatenate(ahead).tolist()
    for name, values in answers.items():
        if name.endswith("_quantiles"):  #? quantiles
            target = name.removesuffix("_quantiles")  #? quantiles
            for place, level in enumerate(@levels@):  #? quantiles
                columns[f"{target}_q{level:g}"] = values[..., place].ravel().tolist()  #? quantiles
        else:  #? quantiles
            columns[name] = values.ravel().tolist()  #? quantiles
        columns[name] = values.ravel().tolist()  #? not quantiles
    return columns


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="a CSV file with the history")
    parser.add_argument("-o", "--output", help="where to write; else the screen")
    parser.add_argument("--weights", default=str(HERE / "@saved@"))
    parser.add_argument("--plot", help="an image of the history and the forecast")
    args = parser.parse_args()
    series = read_series(args.data)
    answers = forecast(series, load_model(args.weights))
    columns = answer_columns(series, answers)
    write_table(columns, args.output)
    if args.plot:
        plot_forecast(series, answers, args.plot)


def plot_forecast(series, answers, path):
    """Draws the last of the history of the first series, and what follows."""
    from matplotlib import pyplot

    _, _, values = series[0]
    figure, axes = pyplot.subplots()
    axes.plot(range(-len(values[-HISTORY:]), 0), values[-HISTORY:, 0], label="history")
    axes.plot(range(HORIZON), next(iter(answers.values()))[0], label="forecast")
    axes.legend()
    figure.savefig(path)
'''


def predict_lines(subject: Subject, framework: Framework) -> list[str]:
    """The whole of `predict.py` but for its imports and its last lines."""
    edition = import_module(f"ambidex.eject.{framework}.predict")
    has_quantiles = bool(subject.task.quantiles)
    conditions = {
        "classes": subject.task.is_classification,
        "quantiles": has_quantiles,
        "several": subject.task.is_classification or has_quantiles,
        "keys": bool(subject.schema.by_role("series")),
        "regular": subject.task.frequency is not None,
        "needs": needs_prepared(subject),
    }
    source = "prepared" if subject.is_series else "values"
    values = {
        "inputs": ", ".join(f"{source}[{literal(name)}]" for name in subject.graph.prepared),
        "levels": list(subject.task.quantiles),
        "least": subject.task.min_history,
        "saved": edition.SAVED,
        "given": "inputs" if len(subject.graph.prepared) > 1 else "inputs[0]",
    }
    parts = [edition.RUN, _SERIES if subject.is_series else _TABLE]
    first, second = (fill(keep(text, **conditions), **values) for text in parts)
    return [*first, "", "", *keep(_WRITE), "", "", *second]


def needs_prepared(subject: Subject) -> bool:
    """Whether decoding reads values of the preparation."""
    made = {node.name for node in subject.graph.prepare} | {value.name for value in subject.graph.inputs}
    return any(name in made for node in subject.graph.decode for name in node.inputs)
