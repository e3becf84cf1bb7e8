"""Preparation and decoding in NumPy: a source edition of every op outside the network, and the functions made of them.

Every node becomes a line, named as the node is. Learnt constants of more than one number are read from a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ambidex.eject.text import WIDTH, block, call, identifier, literal
from ambidex.errors import UsageError, expected
from ambidex.graph import Graph, Node, Value, infer_values

LEARNT = "LEARNT"
"""The name under which emitted code finds what was learnt: node, then attribute."""


@dataclass(frozen=True, kw_only=True)
class Numpy:
    """The source of an op: an expression of inputs `{0}`, `{1}`, attributes `{name}` and helper functions.

    `learnt` names the attributes that were learnt, and may be long. `finish` computes the attributes that an
    expression needs and the node does not hold.
    """

    expression: str
    learnt: tuple[str, ...] = ()
    helper: str = ""
    finish: Callable[[Mapping[str, Any], Sequence[Value]], dict[str, str]] = lambda attrs, inputs: {}


_LOOKUP = '''
def lookup(texts, vocabularies):
    """Codes of texts: 0 for a missing one, 1 for one that training had not seen."""
    codes = np.empty(texts.shape, dtype=np.int64)
    for column, words in enumerate(vocabularies):
        code_of = {word: code for code, word in enumerate(words, start=2)} | {"": 0}
        codes[:, column] = [code_of.get(text, 1) for text in texts[:, column]]
    return codes
'''
_SOFTMAX = """
def softmax(logits):
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)
"""
_CALENDAR = '''
def calendar(times, parts):
    """Parts of times (microseconds since 1970); a missing time, the least int64, is NaN."""
    is_missing = times == np.iinfo(np.int64).min
    stamps = np.where(is_missing, 0, times).astype("datetime64[us]")
    day, month = stamps.astype("datetime64[D]"), stamps.astype("datetime64[M]")
    year = stamps.astype("datetime64[Y]")
    of_day = (stamps - day).astype(np.int64)
    found = {
        "year": year.astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (day - month).astype(np.int64) + 1,
        "weekday": (day.astype(np.int64) + 3) % 7,
        "hour": of_day // 3_600_000_000,
        "minute": of_day // 60_000_000 % 60,
        "day_of_year": (day - year).astype(np.int64) + 1,
        "days_since_epoch": day.astype(np.int64) + of_day / 86_400_000_000,
    }
    known = [np.where(is_missing, np.nan, found[part]) for part in parts]
    values = np.stack(known, axis=-1)
    return values.reshape(*times.shape[:-1], -1)
'''
_WAVE = '''
def wave(values, period):
    """Where each value stands in its period, as sines and cosines."""
    angle = values * (2 * np.pi / np.array(period))
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)
'''
_CYCLE = '''
def cycle_at(times, step, table):
    """The usual level at each time: a table that repeats every len(table) steps."""
    return np.array(table)[(times[..., 0] // step) % len(table)]
'''
_FILL_STEPS = '''
def fill_steps(values):
    """Carries the last known value forward; leading gaps take the first known one."""
    steps = np.arange(values.shape[1])[None, :, None]
    known = np.where(np.isnan(values), -1, steps)
    last = np.maximum.accumulate(known, axis=1)
    first = np.argmax(known >= 0, axis=1, keepdims=True)
    source = np.where(last >= 0, last, first)
    return np.nan_to_num(np.take_along_axis(values, source, axis=1))
'''


def _bounds(attrs: Mapping[str, Any], inputs: Sequence[Value]) -> dict[str, str]:
    """`[:, 2:5]` of a slice."""
    axis = attrs["axis"] % len(inputs[0].shape)
    stop = "" if attrs["stop"] is None else attrs["stop"]
    start = attrs["start"] or ""
    return {"index": ", ".join([":"] * axis + [f"{start}:{stop}"])}


def _sizes(attrs: Mapping[str, Any], inputs: Sequence[Value]) -> dict[str, str]:
    """The sizes after the batch, each after a comma."""
    return {"sizes": "".join(f", {size}" for size in attrs["shape"])}


def _kind(attrs: Mapping[str, Any], inputs: Sequence[Value]) -> dict[str, str]:
    return {"kind": {"string": "object", "bool": "bool"}.get(attrs["dtype"], f"np.{attrs['dtype']}")}


def _column(attrs: Mapping[str, Any], inputs: Sequence[Value]) -> dict[str, str]:
    """One column stays an axis."""
    columns = list(attrs["columns"])
    first, last = columns[0], columns[-1]
    is_range = columns == list(range(first, last + 1))
    return {"where": f"{first or ''}:{last + 1}" if is_range else literal(columns)}


NUMPY: dict[str, Numpy] = {
    "select": Numpy(expression="{0}[..., {where}]", finish=_column),
    "impute": Numpy(expression="np.where(np.isnan({0}), {fill}, {0})", learnt=("fill",)),
    "is_missing": Numpy(expression="np.isnan({0}).astype(np.float64)"),
    "standardize": Numpy(expression="({0} - {center}) / {scale}", learnt=("center", "scale")),
    "unstandardize": Numpy(expression="{0} * {scale} + {center}", learnt=("center", "scale")),
    "smooth_clip": Numpy(expression="{0} / np.sqrt(1 + ({0} / {limit}) ** 2)"),
    "temperature": Numpy(expression="{0} / {temperature}"),
    "lookup": Numpy(expression="lookup({0}, {vocabularies})", learnt=("vocabularies",), helper=_LOOKUP),
    "sigmoid_pair": Numpy(expression="np.exp(-np.logaddexp(0, np.concatenate([{0}, -{0}], axis=-1)))"),
    "threshold": Numpy(expression="({0}[..., 1] >= {threshold}).astype(np.int64)"),
    "argmax": Numpy(expression="{0}.argmax(axis=-1)"),
    "label": Numpy(expression="np.array(CLASSES)[{0}]"),
    "calendar": Numpy(expression="calendar({0}, {parts})", helper=_CALENDAR),
    "future_times": Numpy(expression="{0}[:, -1:] + {step_us} * np.arange(1, {horizon} + 1)[:, None]"),
    "cycle": Numpy(expression="cycle_at({0}, {step_us}, {table})", learnt=("table",), helper=_CYCLE),
    "wave": Numpy(expression="wave({0}, {period})", learnt=("period",), helper=_WAVE),
    "difference": Numpy(expression="np.diff({0}, axis=1)"),
    "undifference": Numpy(expression="{1}[:, -1:] + np.cumsum({0}, axis=1)"),
    "log_ratio": Numpy(expression="np.diff(np.arcsinh({0} / {floor}), axis=1)", learnt=("floor",)),
    "unlog_ratio": Numpy(
        expression="unlog_ratio({0}, {1}, {floor})",
        learnt=("floor",),
        helper='''
def unlog_ratio(ratios, history, floor):
    """Levels from the logs of their ratios and the last level before them."""
    last = np.arcsinh(history[:, -1:] / floor)
    return floor * np.sinh(last + np.cumsum(ratios, axis=1))
''',
    ),
    "window_last": Numpy(expression="{0}[:, -1:]"),
    "window_mean": Numpy(expression="{0}.mean(axis=1, keepdims=True)"),
    "window_scale": Numpy(expression="np.maximum({0}.std(axis=1, keepdims=True), {minimum})"),
    "fill_steps": Numpy(expression="fill_steps({0})", helper=_FILL_STEPS),
    "fold": Numpy(expression="{0}.transpose(0, 2, 1).reshape(-1, {0}.shape[1], 1)"),
    "unfold": Numpy(expression="{0}.reshape(-1, {channels}, {0}.shape[1]).transpose(0, 2, 1)"),
    "sort": Numpy(expression="np.sort({0}, axis=-1)"),
    "concat": Numpy(expression="np.concatenate([{all}], axis={axis})"),
    "slice": Numpy(expression="{0}[{index}]", finish=_bounds),
    "reshape": Numpy(expression="{0}.reshape(-1{sizes})", finish=_sizes),
    "transpose": Numpy(expression="{0}.transpose({axes})"),
    "cast": Numpy(expression="{0}.astype({kind})", finish=_kind),
    "add": Numpy(expression="{0} + {1}"),
    "sub": Numpy(expression="{0} - {1}"),
    "mul": Numpy(expression="{0} * {1}"),
    "div": Numpy(expression="{0} / {1}"),
    "softmax": Numpy(expression="softmax({0})", helper=_SOFTMAX),
}
"""Every op that is no network op, and the network ops that scalings and answers are made with."""


@dataclass
class Learnt:
    """The constants that go to a file, and the helpers that the lines so far need."""

    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=dict)

    def helper_lines(self) -> list[str]:
        """The helper functions in the order of their first use, two blank lines after each."""
        return [line for text in self.helpers.values() for line in (*block(text), "", "")]


def node_lines(node: Node, values: Mapping[str, Value], names: Mapping[str, str], learnt: Learnt) -> list[str]:
    """The line of a node, `name = expression`; two where the constants do not fit into it.

    Raises `UsageError` for an op without a NumPy source.
    """
    if node.op not in NUMPY:
        raise UsageError(expected("steps that can be written in NumPy", got=f"{node.op!r} of node {node.name!r}"))
    entry = NUMPY[node.op]
    if entry.helper:
        learnt.helpers[node.op] = entry.helper
    inputs = [names[name] for name in node.inputs]
    target = names[node.name]
    attrs = {name: literal(value) for name, value in node.attrs.items()}
    attrs |= entry.finish(node.attrs, [values[name] for name in node.inputs])
    attrs |= {"all": ", ".join(inputs), "axes": ", ".join(map(str, node.attrs.get("axes", ())))}
    constants = {name: _constant(node, name, learnt) for name in entry.learnt}
    line = f"{target} = {entry.expression.format(*inputs, **{**attrs, **constants})}"
    if len(line) + 4 <= WIDTH:
        return [line]
    if constants and entry.expression[0] != "n":
        unpacked = ", ".join(entry.learnt)
        source = f"{LEARNT}[{literal(node.name)}]"
        first = f"{unpacked} = ({source}[name] for name in {literal(entry.learnt)})"
        if len(entry.learnt) == 1:
            first = f"{unpacked} = {source}[{literal(entry.learnt[0])}]"
        return [
            first,
            f"{target} = {entry.expression.format(*inputs, **{**attrs, **{name: name for name in entry.learnt}})}",
        ]
    head, _, rest = line.partition("(")
    return call(head, _arguments(rest[: rest.rindex(")")]), at=4)


def _arguments(text: str) -> list[str]:
    """The arguments of a call, cut at the commas between them."""
    depth, found = 0, [""]
    for mark in text:
        depth += (mark in "([{") - (mark in ")]}")
        if mark == "," and depth == 0:
            found.append("")
        else:
            found[-1] += mark
    return [argument.strip() for argument in found]


def _constant(node: Node, name: str, learnt: Learnt) -> str:
    """One number is written where it is used; more go to the file."""
    value = node.attrs[name]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], (int, float)):
        return literal(value[0])
    learnt.constants.setdefault(node.name, {})[name] = value
    return f"{LEARNT}[{literal(node.name)}][{literal(name)}]"


def function(
    graph: Graph, nodes: Iterable[Node], learnt: Learnt, names: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The lines of some nodes, unindented, and the names under which their values are then known."""
    values = infer_values(graph)
    known = dict(names)
    lines: list[str] = []
    is_alone = not any(re.search(r"_1(_|$)", node.name) for node in graph.decode)
    for node in nodes:
        plain = re.sub(r"_0(?=_|$)", "", node.name) if is_alone else node.name  # of levels that are numbered
        known[node.name] = identifier(plain if plain not in values or plain == node.name else node.name)
        lines += node_lines(node, values, known, learnt)
    return lines, known
