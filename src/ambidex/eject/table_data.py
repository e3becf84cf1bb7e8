"""The source of a table's data: preparation, split, samples for training."""

from __future__ import annotations

from ambidex.eject.preparation import Learnt, function, node_lines
from ambidex.eject.reading import reading_lines
from ambidex.eject.subject import Subject
from ambidex.eject.text import collection, fill, identifier, indented, keep, literal
from ambidex.graph import Value
from ambidex.prep.category import MASKED_SHARE

_PACK = '''
def pack(table):
    """The columns that the model reads, packed by kind."""
    return {
        "numbers": np.stack([column(table, name) for name in NUMBERS], axis=-1),  #? numbers
        "texts": np.stack([column(table, name) for name in FEATURES], axis=-1),  #? texts
        "times": np.stack([column(table, name) for name in DATES], axis=-1),  #? times
    }
'''
_LABELS = '''
def read_target(table):
    """The position of each row's class; -1 where it has none."""
    code_of = {label: code for code, label in enumerate(CLASSES)}
    labels = column(table, "@target@")
    return np.array([code_of.get(label, -1) for label in labels])
'''
_NUMBERS = '''
def read_target(table):
    """The targets, a column for each; NaN where one is not known."""
    return np.stack([column(table, name) for name in TARGETS], axis=-1)
'''
_SAMPLES = '''
class Samples:
    """Rows ready for the network: samples[rows] is a batch of (inputs, target@w@)."""

    def __init__(self, inputs, target@w@):
        self.inputs, self.target = inputs, target
        self.weight = weight  #? weight

    def __len__(self):
        return len(self.target)

    def __getitem__(self, rows):
        inputs = [values[rows] for values in self.inputs]
        return inputs, self.target[rows], self.weight[rows]  #? weight
        return inputs, self.target[rows]  #? not weight
'''
_LOAD = '''
def load_samples(path, validation_path):  #? file
def load_samples(path):  #? not file
    """Samples to train on and to validate on, split as the run split them."""
    table = read_table(path)
    target = read_target(table)
    rows = np.flatnonzero(target >= 0)  #? classes
    rows = np.flatnonzero(~np.isnan(target).any(axis=1))  #? not classes
    other = read_table(validation_path)  #? file
    other_target = read_target(other)  #? file
    known = np.flatnonzero(other_target >= 0)  #? file and classes
    known = np.flatnonzero(~np.isnan(other_target).any(axis=1))  #? file and not classes
    return (  #? file
        make_samples(table, target, rows, is_training=True),  #? file
        make_samples(other, other_target, known),  #? file
    )  #? file
    is_validation = split(@argument@)  #? not file
    return (  #? not file
        make_samples(table, target, rows[~is_validation], is_training=True),  #? not file
        make_samples(table, target, rows[is_validation]),  #? not file
    )  #? not file


def make_samples(table, target, rows, is_training=False):
    """The samples of some rows@masked@."""
    values = prepare(**{name: array[rows] for name, array in pack(table).items()})
    if is_training:  #? codes
        values["codes"] = mask_codes(values["codes"])  #? codes
    inputs = [@inputs@]
    weight = sample_weight(table, target, rows)  #? weight
    return Samples(inputs, @encoded@, weight)  #? weight
    return Samples(inputs, @encoded@)  #? not weight
'''
_MASK = '''
def mask_codes(codes):
    """Hides a few known categories, so that the codes 0 and 1 are trained too."""
    draw = np.random.default_rng([SEED, 0x6D61736B]).random(codes.shape)
    masked = np.where(draw < @share@, 1, codes)
    never_missing = ~(codes == 0).any(axis=0)
    return np.where((draw > 1 - @share@) & never_missing, 0, masked)
'''
_WEIGHT = '''
def sample_weight(table, target, rows):
    """How much each row counts in the loss."""
    weight = column(table, @column@)[rows]  #? column
    weight = np.ones(len(rows))  #? not column
    counts = np.bincount(target[rows], minlength=len(CLASSES))  #? balanced
    weight = weight * (len(rows) / (len(counts) * np.maximum(counts, 1)))[target[rows]]  #? balanced
    return weight.astype(np.float32)
'''
_STRATIFIED = '''
def split(classes):
    """Which rows to validate on: the same share of every class, drawn from the seed."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    total = min(max(round(len(codes) * @fraction@), 1), len(codes) - 1)
    ideal = counts * (total / counts.sum())
    taken = np.minimum(np.floor(ideal).astype(np.int64), counts - 1)
    for place in np.argsort(np.floor(ideal) - ideal, kind="stable"):
        if taken.sum() < total and taken[place] < counts[place] - 1:
            taken[place] += 1
    order = np.random.default_rng(SEED).permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    rank = np.empty(len(codes), dtype=np.int64)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    rank[by_class] = np.arange(len(codes)) - before
    return rank < taken[codes]
'''
_RANDOM = '''
def split(target):
    """Which rows to validate on, drawn from the seed."""
    total = min(max(round(len(target) * @fraction@), 1), len(target) - 1)
    is_validation = np.zeros(len(target), dtype=bool)
    is_validation[np.random.default_rng(SEED).permutation(len(target))[:total]] = True
    return is_validation
'''
_TIMED = '''
def split(times):
    """Which rows to validate on: the latest; those without a time are for training."""
    is_known = times != np.iinfo(np.int64).min
    known = np.sort(times[is_known])
    border = known[-min(max(round(len(known) * @fraction@), 1), len(known) - 1)]
    if border == known[0]:
        border = known[known > border][0]
    return (times >= border) & is_known
'''
_GROUPED = '''
def split(groups):
    """Which rows to validate on: whole groups, drawn from the seed."""
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    total = min(max(round(len(codes) * @fraction@), 1), len(codes) - 1)
    order = np.random.default_rng(SEED).permutation(len(names))
    reached = np.cumsum(counts[order])
    count = min(int(np.argmin(np.abs(reached - total))) + 1, len(names) - 1)
    return np.isin(codes, order[:count])
'''
_HASHED = '''
def split(texts):
    """Which rows to validate on: those whose text has a small hash."""
    hashes = [blake2b(text.encode(), digest_size=8).digest() for text in texts]
    limit = int(@fraction@ * 2**64)
    return np.array([int.from_bytes(digest) < limit for digest in hashes])
'''


def preparation_lines(subject: Subject, learnt: Learnt) -> list[str]:
    """`prepare` and `decode` with the helpers that they need."""
    graph = subject.graph
    inputs = {value.name: identifier(value.name) for value in graph.inputs}
    prepared, names = function(graph, graph.prepare, learnt, inputs)
    arguments = ", ".join(inputs.values())
    kept = {name: names[name] for name in graph.prepared}
    answers = decode_lines(subject, learnt, set())
    return [
        *learnt.helper_lines(),
        f"def prepare({arguments}):",
        '    """From raw columns to what the network reads."""',
        *indented(prepared),
        f"    return {{{', '.join(f'{literal(name)}: {variable}' for name, variable in kept.items())}}}",
        "",
        "",
        *answers,
    ]


def decode_lines(subject: Subject, learnt: Learnt, prepared: set[str]) -> list[str]:
    """`decode`: from raw outputs (and some values of the preparation) to answers by name."""
    graph = subject.graph
    names = {graph.raw_outputs[0]: "raw"} | {name: f"prepared[{literal(name)}]" for name in prepared}
    names |= {value.name: f"prepared[{literal(value.name)}]" for value in graph.inputs}
    lines, names = function(graph, graph.decode, learnt, names)
    answers = {public: names[name] for public, name in graph.outputs.items()}
    arguments = "raw, prepared" if any("prepared[" in line for line in lines) else "raw"
    return [
        f"def decode({arguments}):",
        '    """From what the network answers to the answers asked for."""',
        "    raw = raw.astype(np.float64)",
        *indented(lines),
        *indented(collection_of("return", answers)),
    ]


def collection_of(head: str, names: dict[str, str]) -> list[str]:
    """`return {"a": a, "b": b}`, a name per line where it is long."""
    one = f"{head} {{{', '.join(f'{literal(key)}: {value}' for key, value in names.items())}}}"
    if len(one) + 4 <= 88:
        return [one]
    return [f"{head} {{", *(f"    {literal(key)}: {value}," for key, value in names.items()), "}"]


def table_lines(subject: Subject, learnt: Learnt, *, for_training: bool) -> list[str]:
    """Everything from the file to samples and back."""
    columns = {"NUMBERS": "numbers", "FEATURES": "texts", "DATES": "times"}
    body = preparation_lines(subject, learnt)
    lines: list[str] = []
    for name, kind in columns.items():
        if subject.packed(kind):
            lines += collection(name, [column.name for column in subject.packed(kind)])
    if subject.task.is_classification:
        lines += collection("CLASSES", list(subject.task.targets[0].classes))
    if not subject.task.is_classification:
        lines += collection("TARGETS", list(subject.targets))
    lines += reading_lines(subject, targets=for_training)
    lines += ["", "", *keep(_PACK, **{kind: bool(subject.packed(kind)) for kind in columns.values()}), "", ""]
    lines += body
    return [*lines, *(_training_lines(subject, learnt) if for_training else [])]


def _training_lines(subject: Subject, learnt: Learnt) -> list[str]:
    experiment = subject.experiment
    is_file = isinstance(experiment.validation, str)
    lines = ["", "", *_target_lines(subject), *_encode_lines(subject, learnt)]
    conditions = {
        "file": is_file,
        "classes": subject.task.is_classification,
        "codes": bool(subject.packed("texts")),
        "weight": subject.has_weight,
    }
    if not is_file:
        lines += ["", "", *fill(keep(_split_source(subject)), fraction=literal(experiment.validation))]
    lines += ["", "", *fill(keep(_SAMPLES, **conditions), w=", weight" if subject.has_weight else "")]
    values = {
        "argument": _split_argument(subject),
        "masked": ", some categories hidden in those to train on" if conditions["codes"] else "",
        "inputs": ", ".join(f"values[{literal(name)}]" for name in subject.graph.prepared),
        "encoded": "target[rows]" if subject.task.is_classification else "encode(target[rows])",
    }
    lines += ["", "", *fill(keep(_LOAD, **conditions), **values)]
    if conditions["codes"]:
        lines += ["", "", *fill(keep(_MASK), share=MASKED_SHARE)]
    if subject.has_weight:
        lines += ["", "", *_weight_lines(subject)]
    return lines


def _target_lines(subject: Subject) -> list[str]:
    if not subject.task.is_classification:
        return keep(_NUMBERS)
    target = literal(subject.targets[0])
    lines = fill(keep(_LABELS), target="@")
    labels = f"column(table, {target})"
    if subject.schema.column(subject.targets[0]).kind != "text":
        labels = f"np.nan_to_num({labels}, nan=-1).astype(np.int64)"
    return [line if "@" not in line else f"    labels = {labels}" for line in lines]


def _encode_lines(subject: Subject, learnt: Learnt) -> list[str]:
    """`encode`: targets in the units of the network."""
    graph = subject.graph
    if not graph.encode:
        return []
    values = {value.name: value for value in graph.targets}
    names = {name: identifier(name) for name in values}
    lines: list[str] = []
    for node in graph.encode:
        names[node.name] = identifier(node.name)
        lines += node_lines(node, values, names, learnt)
        values[node.name] = Value(name=node.name, dtype="float64", shape=graph.targets[0].shape)
    head = f"def encode({', '.join(identifier(value.name) for value in graph.targets)}):"
    doc = '    """Targets in units of the training rows\' standard deviation."""'
    last = lines.pop().partition(" = ")[2]
    return ["", "", head, doc, *indented(lines), f"    return {last}"]


def _split_source(subject: Subject) -> str:
    name = subject.experiment.split.partition(":")[0]
    if name == "random":
        return _STRATIFIED if subject.task.is_classification else _RANDOM
    return {"time": _TIMED, "group": _GROUPED, "hash": _HASHED}[name]


def _split_argument(subject: Subject) -> str:
    name, _, column = subject.experiment.split.partition(":")
    if name == "random":
        return "target[rows]"
    if name == "time":
        times = [c.name for c in subject.schema.by_role("feature") if c.kind == "time"]
        column = subject.experiment.series.time or times[0]
        return f"column(table, {literal(column)})[rows]"
    cells = f"np.array(table[{literal(column)}])[rows]"
    return cells if name == "group" else f"{cells}.tolist()"


def _weight_lines(subject: Subject) -> list[str]:
    weights = subject.schema.by_role("weight")
    is_balanced = subject.experiment.class_weight == "balanced" and subject.task.is_classification
    conditions = {"column": bool(weights), "balanced": is_balanced}
    return fill(keep(_WEIGHT, **conditions), column=literal(weights[0].name) if weights else "")
