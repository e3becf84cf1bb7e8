"""The short version: one page that predicts, with the run in outline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from ambidex.eject.layout import Part
from ambidex.eject.preparation import LEARNT, Learnt, function
from ambidex.eject.run import decay
from ambidex.eject.subject import TITLES, Framework, Subject
from ambidex.eject.text import WIDTH, collection, fill, identifier, indented, keep, literal
from ambidex.prep.series import CENTER, LOCAL, SCALE

_READ = """
def read(path):
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
        header, *rows = (row for row in csv.reader(file) if row)
    return dict(zip(header, zip(*rows)))
"""
_NUMBER = """
def number(cell):
    words = ["", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"]
    return float("nan") if cell.strip().lower() in words else float(cell)
"""
_PACKS = {
    "numbers": "numbers = np.array([[number(c) for c in table[name]] for name in NUMBERS]).T",
    "texts": "texts = np.array([[c.strip() for c in table[name]] for name in TEXTS]).T",
    "times": "times = np.array([[time(c) for c in table[name]] for name in TIMES]).T",
}
_TIME = """
def time(cell):
    return np.datetime64(@stamp@, "us").astype(int)
"""
_SERIES = '''
def read(path):
    """Rows in order of time, one for every step."""
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
        header, *rows = (row for row in csv.reader(file) if row)
    table = dict(zip(header, zip(*rows)))
    numbers = np.array([[number(c) for c in table[name]] for name in NUMBERS]).T
    times = np.array([[time(c)] for c in table[TIME]])  #? times
    keys = list(zip(*(table[name] for name in KEYS)))  #? keys
    rows = [[i for i, k in enumerate(keys) if k == key] for key in sorted(set(keys))]  #? keys
    return [[numbers[some], times[some]] for some in rows]  #? keys and times
    return [[numbers[some]] for some in rows]  #? keys and not times
    return [[numbers, times]]  #? not keys and times
    return [[numbers]]  #? not keys and not times
'''
_RUNS = {
    "torch": """
with torch.inference_mode():
    raw = model(*map(torch.from_numpy, inputs)).numpy().astype(np.float64)
""",
    "keras": """
raw = model.predict(@given@, batch_size=4096, verbose=0).astype(np.float64)
""",
}
_LOADS = {
    "torch": """
model = Network()
model.load_state_dict(load_file(HERE / "weights.safetensors"))
""",
    "keras": """
model, arrays = build_model(), np.load(HERE / "weights.npz")
for layer in model.layers:
    for i, weight in enumerate(layer.weights):
        weight.assign(arrays[f"{layer.name}/{i}"].reshape(weight.shape))
""",
}
_TRAINS = {
    "torch": """
optimizer = torch.optim.@optimizer@
inputs, target = [torch.from_numpy(x) for x in inputs], torch.from_numpy(target)
for epoch in range(@epochs@):
    for rows in torch.randperm(len(target)).split(@batch@):
        predicted, truth = model(*(x[rows] for x in inputs)), target[rows]
        loss = @loss@
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: {loss.item():.5f}")
""",
    "keras": """
optimizer, loss = keras.optimizers.@optimizer@, @loss@
model.compile(optimizer, loss=loss)
model.fit(@given@, target, batch_size=@batch@, epochs=@epochs@, verbose=2)
""",
}
_QUANTILE = {
    "torch": """
def quantile_loss(predicted, truth):
    parts = zip(@levels@, predicted.split(truth.shape[-1], dim=-1))
    errors = [(level, truth - part) for level, part in parts]
    return sum(torch.maximum(q * e, (q - 1) * e).mean() for q, e in errors)
""",
    "keras": """
def quantile_loss(truth, predicted):
    parts = zip(@levels@, keras.ops.split(predicted, @count@, axis=-1))
    errors = [(level, truth - part) for level, part in parts]
    return sum(keras.ops.mean(keras.ops.maximum(q * e, (q - 1) * e)) for q, e in errors)
""",
}
LOSSES: dict[Framework, dict[str, str]] = {
    "torch": {
        "binary": "F.binary_cross_entropy_with_logits(predicted[:, 0], truth)",
        "multiclass": "F.cross_entropy(predicted, truth)",
        "mse": "F.mse_loss(predicted, truth)",
        "mae": "F.l1_loss(predicted, truth)",
        "huber": "F.huber_loss(predicted, truth)",
        "quantile": "quantile_loss(predicted, truth)",
    },
    "keras": {
        "binary": "keras.losses.BinaryCrossentropy(from_logits=True)",
        "multiclass": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "mse": '"mse"',
        "mae": '"mae"',
        "huber": '"huber"',
        "quantile": "quantile_loss",
    },
}
"""Each loss of a batch in PyTorch, and for `compile` in Keras."""


PAGE = 120
"""The lines of a page, which a short version keeps within but for what `beyond_a_page` names."""


def beyond_a_page(subject: Subject) -> tuple[str, ...]:
    """What of a model takes more lines than a page has room for."""
    reasons = {
        "columns of dates": not subject.is_series and bool(subject.packed("times")),
        "quantiles": bool(subject.task.quantiles),
        "several series": bool(subject.is_series and subject.schema.by_role("series")),
    }
    return tuple(name for name, holds in reasons.items() if holds)


def minimal_program(subject: Subject, framework: Framework, learnt: Learnt, name: str) -> tuple[str, list[Part]]:
    """The docstring and the parts of the page."""
    edition = import_module(f"ambidex.eject.{framework}.network")
    network = edition.network_lines(subject.graph, doc=f"{subject.experiment.model} for {subject.title()}.")
    steps = [_prepare(subject, learnt), _predict(subject, framework, learnt)]
    helpers = [_without_docs(keep(text)) for text in learnt.helpers.values()]
    functions = [
        _network(_nested(network) if framework == "torch" else network, learnt),
        keep(_NUMBER),
        *_readers(subject),
        *helpers,
        *steps,
    ]
    if not subject.is_solved:
        functions += _training(subject, framework)
    functions.append(_main(subject, framework))
    head = ["HERE = Path(__file__).parent"]
    columns = _columns(subject, learnt)
    if learnt.constants:
        head.append('LEARNT = json.loads((HERE / "preparation.json").read_text(encoding="utf-8"))')
    lines = [*head, *columns, *(line for part in functions for line in ("", "", *part))]
    usage = f"python {name}.py DATA.csv" + ("" if subject.is_solved else " [--train]")
    doc = f"{TITLES[framework]}, {subject.experiment.model}: {usage}"
    return doc, [Part(title="", lines=tuple(lines))]


def _network(lines: Sequence[str], learnt: Learnt) -> list[str]:
    """The network in fewer lines; long lists of sizes go to the file of constants.

    An LSTM's second bias is not kept at zero: only the run's own optimizer asks for that.
    """
    text = re.sub(r' +"""[^\n]*"""\n\n?', "", "\n".join(lines))
    text = re.sub(r"def one_bias.*?\n\n\n", "", text, flags=re.DOTALL)
    text = re.sub(r"one_bias\((nn\.LSTM\([^)]*\))\)", r"\1", text)
    match = re.search(r"sizes = (\[\n.*?\n +\])", text, flags=re.DOTALL)
    if match and learnt.constants:
        rows = match[1].split("\n")[1:-1]
        learnt.constants["sizes"] = [list(map(int, re.findall(r"\d+", row))) for row in rows]  # type: ignore[assignment]
        text = text.replace(match[1], f'{LEARNT}["sizes"]')
    return text.split("\n")


def _nested(lines: Sequence[str]) -> list[str]:
    """`x = f(x)` and then `return g(x)` as `return g(f(x))`, where that fits a line."""
    found: list[str] = []
    for line in lines:
        joined = _joined(found[-1], line) if found else ""
        if joined:
            found[-1] = joined
        else:
            found.append(line)
    return found


def _joined(first: str, second: str) -> str:
    """Both lines as one; empty where the second uses x not once, or where the first is no call, or none fits."""
    before = re.fullmatch(r"( +)x = ([\w.]+[(\[].*[)\]])", first)
    after = re.fullmatch(r"( +)(x = |return )(.*)", second)
    if before is None or after is None or before[1] != after[1] or len(re.findall(r"\bx\b", after[3])) != 1:
        return ""
    head, tail = re.split(r"\bx\b", after[3])
    line = f"{after[1]}{after[2]}{head}{before[2]}{tail}"
    return line if len(line) <= WIDTH else ""


def _columns(subject: Subject, learnt: Learnt) -> list[str]:
    """Names of columns, in the file of constants where they would take more than a line."""
    found: dict[str, list[Any]] = {"NUMBERS": [column.name for column in subject.packed("numbers")]}
    if subject.is_series:
        found["KEYS"] = [column.name for column in subject.schema.by_role("series")]
    else:
        found["TEXTS"] = [column.name for column in subject.packed("texts")]
        found["TIMES"] = [column.name for column in subject.packed("times")]
    if subject.task.is_classification:
        found["CLASSES"] = list(subject.task.targets[0].classes)
    elif not subject.is_series:
        found["TARGETS"] = list(subject.targets)
    lines: list[str] = []
    for name, values in found.items():
        if not values:
            continue
        written = collection(name, values)
        if len(written) > 1 and learnt.constants:
            learnt.constants[name] = values  # type: ignore[assignment]
            written = [f"{name} = {LEARNT}[{literal(name)}]"]
        lines += written
    if subject.is_series:
        lines += [f"TIME = {literal(subject.schema.by_role('time')[0].name)}"] if subject.reads_times else []
        lines += [f"HISTORY, HORIZON = {subject.task.max_history}, {subject.task.horizon}"]
    return lines


def _readers(subject: Subject) -> list[list[str]]:
    times = subject.schema.by_role("time") if subject.is_series else subject.packed("times")
    found: list[list[str]] = []
    if times and (subject.reads_times or not subject.is_series):
        pattern = times[0].time_format
        stamp = f"datetime.strptime(cell.strip(), {literal(pattern)})" if pattern else 'cell.strip() or "NaT"'
        found.append(fill(keep(_TIME), stamp=stamp))
    if not subject.is_series:
        return [keep(_READ), *found]
    has_keys = bool(subject.schema.by_role("series"))
    return [*found, keep(_SERIES, times=subject.reads_times, keys=has_keys)]


def _prepare(subject: Subject, learnt: Learnt) -> list[str]:
    """From a table, or from windows, to what the network reads and decoding needs."""
    graph = subject.graph
    inputs = {value.name: identifier(value.name) for value in graph.inputs}
    lines, names = function(graph, graph.prepare, learnt, inputs)
    if subject.is_series:
        made = [node.name for node in graph.prepare if node.name in (LOCAL, CENTER, SCALE)]
        decoded = {name for node in graph.decode for name in node.inputs if subject.has_prepared(name)}
        wanted = dict.fromkeys([*graph.prepared, *made, *sorted(decoded)])
        head = f"def prepare({'numbers, times' if subject.reads_times else 'numbers'}):"
        found = _braced("return ", [f"{literal(name)}: {names[name]}" for name in wanted], at=4)
        return [head, *indented([*lines, *found])]
    packs = [text for kind, text in _PACKS.items() if subject.packed(kind)]
    inputs_in_order = ", ".join(names[name] for name in graph.prepared)
    return ["def prepare(table):", *indented([*packs, *lines, f"return [{inputs_in_order}]"])]


def _predict(subject: Subject, framework: Framework, learnt: Learnt) -> list[str]:
    graph = subject.graph
    made = [node.name for node in graph.prepare]
    names = {name: f"values[{literal(name)}]" for name in made} | {graph.raw_outputs[0]: "raw", "times": "times"}
    lines, names = function(graph, graph.decode, learnt, names)
    answers = [f"{literal(public)}: {names[name]}" for public, name in graph.outputs.items()]
    run = fill(keep(_RUNS[framework]), given=_given(subject))
    if not subject.is_series:
        found = _braced("return ", answers, at=4)
        return ["def predict(model, table):", *indented(["inputs = prepare(table)", *run, *lines, *found])]
    names_of = ["numbers", "times"] if subject.reads_times else ["numbers"]
    reads = [f"values = prepare({', '.join(f'{name}[None, -HISTORY:]' for name in names_of)})"]
    reads.append(f"inputs = [values[{literal(graph.prepared[0])}]]")
    reads += ["times = times[None]"] if any(re.search(r"\btimes\b", line) for line in lines) else []
    if not subject.schema.by_role("series"):
        body = [f"[{', '.join(names_of)}] = series[0]", *reads, *run, *lines, *_braced("return ", answers, at=4)]
        return ["def predict(model, series):", *indented(body)]
    body = [*reads, *run, *lines, *_braced("found.append(", answers, at=8, close=")")]
    return [
        "def predict(model, series):",
        "    found = []",
        f"    for [{', '.join(names_of)}] in series:",
        *indented(body, 8),
        "    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}",
    ]


def _given(subject: Subject) -> str:
    """What a Keras model is fed: a list where it has several inputs."""
    return "inputs" if len(subject.graph.prepared) > 1 else "inputs[0]"


def _braced(head: str, items: Sequence[str], *, at: int, close: str = "") -> list[str]:
    one = f"{head}{{{', '.join(items)}}}{close}"
    if len(one) + at <= 88:
        return [one]
    if close:
        return ["answers = {", *(f"    {item}," for item in items), "}", f"{head}answers{close}"]
    return [f"{head}{{", *(f"    {item}," for item in items), f"}}{close}"]


def _training(subject: Subject, framework: Framework) -> list[list[str]]:
    """The run in outline, and the quantile loss where it needs one."""
    plan, optimizer = subject.plan, subject.plan.optimizer
    levels = list(subject.task.quantiles) or [0.1, 0.5, 0.9]
    loss = subject.task.kind if subject.loss == "cross_entropy" else subject.loss
    title = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}[optimizer.name]
    given = [] if framework == "keras" else ["model.parameters()", f"lr={optimizer.learning_rate}"]
    given += [f"{optimizer.learning_rate}"] if framework == "keras" else []
    given += [f"momentum={optimizer.momentum}"] if optimizer.name == "sgd" else []
    given += [f"weight_decay={decay(subject)}"] if optimizer.name == "adamw" else []
    values = {
        "epochs": plan.epochs,
        "batch": plan.batch_size or 256,
        "optimizer": f"{title}({', '.join(given)})",
        "loss": LOSSES[framework][loss],
        "given": _given(subject),
        "levels": levels,
        "count": len(levels),
    }
    run = fill(keep(_TRAINS[framework]), **values)
    if framework == "keras" and len(run[0]) + 4 > WIDTH:
        run[:1] = [f"optimizer = keras.optimizers.{values['optimizer']}", f"loss = {values['loss']}"]
    doc = '    """The run in outline: neither validation nor early stopping."""'
    head = f"def train(model, {'series' if subject.is_series else 'table'}):"
    found = [fill(keep(_QUANTILE[framework]), **values)] if loss == "quantile" else []
    return [*found, [head, doc, *indented([*_samples(subject, framework), *run])]]


def _samples(subject: Subject, framework: Framework) -> list[str]:
    """`inputs` and `target` of the rows."""
    if not subject.is_series:
        return ["inputs = prepare(table)", *_target(subject, framework)]
    lines = [
        "size = HISTORY + HORIZON",
        "views = [[sliding_window_view(x, size, axis=0) for x in part] for part in series]",
        "windows = [np.concatenate(part).transpose(0, 2, 1) for part in zip(*views)]",
        "values = prepare(*(part[:, :HISTORY] for part in windows))",
        'future = prepare(*windows)["local"][:, -HORIZON:]',
    ]
    if subject.is_windowed:
        lines += [f"future = future - values[{literal(CENTER)}]"] if subject.has_prepared(CENTER) else []
        lines += [f"future = future / values[{literal(SCALE)}]"] if subject.has_prepared(SCALE) else []
    if subject.is_folded:
        lines.append("future = future.transpose(0, 2, 1).reshape(-1, HORIZON, 1)")
    elif len(subject.packed("numbers")) > len(subject.targets):
        lines.append(f"future = future[:, :, :{len(subject.targets)}]")
    return [*lines, 'inputs, target = [values["history"]], future.astype(np.float32)']


def _target(subject: Subject, framework: Framework) -> list[str]:
    if not subject.task.is_classification:
        return [
            "target = np.array([[number(c) for c in table[name]] for name in TARGETS]).T",
            "target = ((target - target.mean(axis=0)) / target.std(axis=0)).astype(np.float32)",
        ]
    name = subject.targets[0]
    cell = "c.strip()" if subject.schema.column(name).kind == "text" else "int(number(c))"
    tail = ", dtype=np.float32" if subject.task.kind == "binary" and framework == "torch" else ""
    codes = f"codes = [CLASSES.index({cell}) for c in table[{literal(name)}]]"
    return [codes, f"target = np.array(codes{tail})"]


def _main(subject: Subject, framework: Framework) -> list[str]:
    build, *loads = keep(_LOADS[framework])
    trains = not subject.is_solved
    lines = ['if __name__ == "__main__":', "    data = read(sys.argv[1])", f"    {build}"]
    if trains:
        lines += ['    if "--train" in sys.argv:', "        train(model, data)", "    else:", *indented(loads, 8)]
    else:
        lines += indented(loads)
    model = "model.eval()" if framework == "torch" else "model"
    lines += [f"    for name, values in predict({model}, data).items():", '        print(name, values, sep="\\n")']
    return lines


def _without_docs(lines: Iterable[str]) -> list[str]:
    """The lines without docstrings of one line."""
    return [line for line in lines if not line.strip().startswith('"""')]
