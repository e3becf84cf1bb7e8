"""The source of series: the regular grid, preparation, windows for training, the stamps that follow."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from ambidex.eject.preparation import Learnt, function
from ambidex.eject.reading import reading_lines
from ambidex.eject.subject import Subject
from ambidex.eject.table_data import collection_of, decode_lines
from ambidex.eject.text import collection, fill, identifier, indented, keep, literal
from ambidex.graph import Node
from ambidex.prep.series import CENTER, LOCAL, SCALE
from ambidex.schema import parse_value
from ambidex.workflow.series_feed import ERROR_POWERS, local_nodes
from ambidex.workflow.series_problem import MAX_CHECKED

_SERIES = '''
def read_series(path):
    """(key, times, values) of each series: in order, without gaps, targets first."""
    table = read_table(path)
    times = column(table, TIME)
    values = np.stack([column(table, name) for name in NUMBERS], axis=-1)
    keys = list(zip(*(column(table, name) for name in KEYS)))  #? keys
    series = []  #? keys
    for key in sorted(set(keys)):  #? keys
        rows = [row for row, other in enumerate(keys) if other == key]  #? keys
        series.append((key, *regular(times[rows], values[rows])))  #? keys
    return series  #? keys
    return [((), *regular(times, values))]  #? not keys


def regular(times, values):
    """Rows in order of time, the last of equal times, gaps filled in a straight line."""
    order = np.argsort(times, kind="stable")
    order = order[np.append(times[order][1:] != times[order][:-1], True)]
    times, values = times[order], values[order]
    missing = missing_steps(times)  #? grid
    for row in np.flatnonzero(missing)[::-1]:  #? grid
        times = np.insert(times, row + 1, following(times[row], missing[row]))  #? grid
        values = np.insert(values, [row + 1] * missing[row], np.nan, axis=0)  #? grid
    known = np.flatnonzero(~np.isnan(values[:, :TARGETS]).any(axis=1))
    times = times[known[0] : known[-1] + 1]
    values = values[known[0] : known[-1] + 1]
    for place in range(values.shape[1]):
        here = np.flatnonzero(~np.isnan(values[:, place]))
        if len(here):
            inner = slice(here[0], here[-1] + 1)
            since = times - times[here[0]]
            filled = np.interp(since[inner], since[here], values[here, place])
            values[inner, place] = filled
    return times, values
'''
_FIXED = '''
def following(last, steps):
    """The times of the next steps."""
    return last + STEP * np.arange(1, steps + 1)
'''
_FIXED_GAPS = '''
def missing_steps(times):
    """How many steps are missing after each row."""
    steps, rest = np.divmod(np.diff(times), STEP)
    return np.where((rest == 0) & (steps > 1), steps - 1, 0)
'''
_MONTHS = '''
def following(last, steps):
    """The times of the next steps, whole months apart; month ends stay month ends."""
    stamp = np.datetime64(int(last), "us")
    day, month = stamp.astype("datetime64[D]"), stamp.astype("datetime64[M]")
    found = []
    for ahead in month + MONTHS * np.arange(1, steps + 1):
        end = (ahead + 1).astype("datetime64[D]") - 1
        same = min(ahead.astype("datetime64[D]") + (day - month), end)
        is_end = (day + 1).astype("datetime64[M]") != month
        found.append((end if is_end else same) + (stamp - day))
    return np.array(found, dtype="datetime64[us]").astype(np.int64)
'''
_MONTH_GAPS = '''
def missing_steps(times):
    """How many steps are missing after each row."""
    months = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    steps, rest = np.divmod(np.diff(months), MONTHS)
    return np.where((rest == 0) & (steps > 1), steps - 1, 0)
'''
_BUSINESS = '''
def following(last, steps):
    """The times of the next steps: Monday to Friday."""
    stamp = np.datetime64(int(last), "us")
    day = stamp.astype("datetime64[D]")
    days = np.busday_offset(day, np.arange(1, steps + 1) * DAYS, roll="backward")
    return (days + (stamp - day)).astype("datetime64[us]").astype(np.int64)
'''
_UNKNOWN = '''
def following(last, steps):
    """No step is regular: the next ones are numbered."""
    return np.arange(1, steps + 1)
'''
_WINDOWS = '''
class Windows:
    """Windows of series: samples[numbers] is a batch of (inputs, target@w@)."""

    def __init__(self, series, starts@statistics@):
        self.series, self.starts = series, starts
        self.center, self.scale = center, scale  #? windowed
        self.weight = (scale[:, :@read@] ** @power@).mean(axis=1)  #? weight

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, numbers):
        steps = self.starts[numbers][:, None] + np.arange(WINDOW + HORIZON)
        windows = self.series[steps]  # (batch, time, columns)
        windows = windows - self.center[numbers][:, None]  #? windowed
        windows = windows / self.scale[numbers][:, None]  #? windowed
        target = windows[:, WINDOW:, :@read@]
        return [windows[:, :WINDOW]], target, self.weight[numbers]  #? weight
        return [windows[:, :WINDOW]], target  #? not weight
'''
_LOAD = '''
def load_samples(path, validation_path):  #? file
def load_samples(path):  #? not file
    """Windows to train on and later ones to validate on, cut where the run cut them."""  #? not file
    """Windows to train on, and those of another file to validate on."""  #? file
    series = read_series(path)
    other = read_series(validation_path)  #? file
    every = np.iinfo(np.int64).min, np.iinfo(np.int64).max  #? file
    return make_windows(series, *every), thinned(make_windows(other, *every))  #? file and thin
    return make_windows(series, *every), make_windows(other, *every)  #? file and not thin
    first, end, last = borders(series)  #? not file
    train = make_windows(series, first, end)  #? not file
    return train, thinned(make_windows(series, end + 1, last))  #? not file and thin
    return train, make_windows(series, end + 1, last)  #? not file and not thin
'''
_BORDERS = '''
def borders(series):
    """The first time, the last one to train on, and the last one to validate on."""
    times = np.unique(np.concatenate([times for _, times, _ in series]))
    times = times[times <= time(@validation_end@)]  #? validation_end
    end = time(@train_end@)  #? train_end
    last = time(@validation_end@)  #? train_end and validation_end
    last = times[-1]  #? train_end and not validation_end
    return times[0], end, last  #? train_end
    count = min(max(round(len(times) * (1 - @fraction@)), 1), len(times) - HORIZON)  #? not train_end
    return times[0], times[max(count, 1) - 1], times[-1]  #? not train_end and not validation_end
    return times[0], times[max(count, 1) - 1], time(@validation_end@)  #? not train_end and validation_end
'''
_MAKE = '''
def make_windows(series, first, last):
    """All windows whose future lies between two times."""
    prepared, starts, rows = [], [], 0
    for _, times, values in series:
        local = local_values(values[None]@times@)["local"][0]
        prepared.append(np.pad(local, ((@lost@, 0), (0, 0))))  #? shifted
        prepared.append(local)  #? not shifted
        low = max(0, np.searchsorted(times, first) - HISTORY)
        high = np.searchsorted(times, last, side="right") - HISTORY - HORIZON
        starts.append(np.arange(low, high + 1) + rows@plus@)
        rows += len(times)
    local, starts = np.concatenate(prepared), np.concatenate(starts)
    statistics = [  #? windowed
        window_statistics(local[part[:, None] + np.arange(WINDOW)])  #? windowed
        for part in np.array_split(starts, len(starts) // 2048 + 1)  #? windowed
    ]  #? windowed
    center, scale = (  #? windowed
        np.concatenate(part)[:, 0].astype(np.float32) for part in zip(*statistics)  #? windowed
    )  #? windowed
    # Every target is a series of its own: columns go below each other.  #? folded
    starts = np.concatenate([starts + rows * place for place in range(TARGETS)])  #? folded
    local = local.T.reshape(-1, 1)  #? folded
    center, scale = center.T.reshape(-1, 1), scale.T.reshape(-1, 1)  #? folded and windowed
    return Windows(local.astype(np.float32), starts@statistics@)
'''
_THINNED = '''
def thinned(windows):
    """At most @most@ windows, evenly spread: neighbours say nearly the same."""
    if len(windows) <= @most@:
        return windows
    keep = np.linspace(0, len(windows) - 1, @most@).astype(np.int64)
    center, scale = windows.center[keep], windows.scale[keep]  #? windowed
    return Windows(windows.series, windows.starts[keep]@statistics@)
'''


def series_lines(subject: Subject, learnt: Learnt, *, for_training: bool) -> list[str]:
    """Everything from the file to windows and back."""
    body = [*preparation_lines(subject, learnt), "", "", *decode_lines(subject, learnt, _kept(subject))]
    lines = [f"TIME = {literal(subject.schema.by_role('time')[0].name)}"]
    keys = [column.name for column in subject.schema.by_role("series")]
    lines += collection("KEYS", keys) if keys else []
    lines += collection("NUMBERS", [column.name for column in subject.packed("numbers")])
    lines += [f"TARGETS = {len(subject.targets)}  # the first of these columns", *_sizes(subject)]
    lines += reading_lines(subject, targets=True)
    frequency = subject.task.frequency
    unit = frequency.unit if frequency else ""
    lines += ["", "", *keep(_SERIES, keys=bool(keys), grid=unit in ("microsecond", "month"))]
    sources = {"microsecond": (_FIXED_GAPS, _FIXED), "month": (_MONTH_GAPS, _MONTHS), "business": (_BUSINESS,)}
    for text in sources.get(unit, (_UNKNOWN,)):
        lines += ["", "", *keep(text)]
    lines += ["", "", *learnt.helper_lines(), *body]
    return [*lines, *(_training_lines(subject) if for_training else [])]


def _sizes(subject: Subject) -> list[str]:
    task = subject.task
    lines = [f"WINDOW = {subject.window}  # steps that the network reads"]
    lost = subject.lost_steps
    history = f"{task.max_history}  # one more: a change needs a step before it" if lost else "WINDOW"
    lines += [f"HISTORY = {history}", f"HORIZON = {task.horizon}"]
    if task.frequency:
        name = {"microsecond": "STEP", "month": "MONTHS", "business": "DAYS"}[task.frequency.unit]
        note = "  # microseconds" if name == "STEP" else ""
        lines.append(f"{name} = {task.frequency.count:_}{note}")
    return lines


def _kept(subject: Subject) -> set[str]:
    """Values of the preparation that decoding reads."""
    made = {node.name for node in subject.graph.prepare}
    return {name for node in subject.graph.decode for name in node.inputs if name in made}


def preparation_lines(subject: Subject, learnt: Learnt) -> list[str]:
    """`local_values`, `window_statistics` where windows have them, and `prepare`."""
    graph = subject.graph
    local = local_nodes(graph)
    inputs = {value.name: identifier(value.name) for value in graph.inputs}
    arguments = "numbers, times" if subject.reads_times else "numbers"
    local_lines, names = function(graph, local, learnt, inputs)
    made = {node.name for node in local}
    rest = [node for node in graph.prepare if node.name not in made]
    statistics = [node for node in rest if node.name in (CENTER, SCALE)]
    after = [node for node in rest if node not in statistics]
    wanted = _kept(subject) | {LOCAL}
    found = {name: names[name] for name in names if name in wanted and name in made}
    lines = [
        f"def local_values({arguments}):",
        '    """What does not depend on where a window begins; a whole series at once."""',
        *indented(local_lines),
        *indented(collection_of("return", found)),
    ]
    known = {**inputs, LOCAL: LOCAL}
    if statistics:
        lines += ["", "", *_statistics_lines(subject, statistics, learnt, known)]
        known |= {CENTER: CENTER, SCALE: SCALE}
    after_lines, known = function(graph, after, learnt, known)
    used = [name if name in {node.name for node in statistics} else "_" for name in (CENTER, SCALE)]
    run = [f"{', '.join(used)} = window_statistics(local)"] if statistics else []
    extra = {name: known[name] for name in (*graph.prepared, *sorted(_kept(subject) - made))}
    extra |= {"times": "times"} if any("times" in node.inputs for node in graph.decode) else {}
    return [
        *lines,
        "",
        "",
        "def prepare(numbers, times):",
        '    """From windows of raw history to what the network reads and decoding needs."""',
        f"    values = local_values({arguments})",
        *indented(['local = values["local"]', *run, *after_lines]),
        *indented(collection_of("return values |", extra)),
    ]


def _statistics_lines(subject: Subject, nodes: Sequence[Node], learnt: Learnt, known: dict[str, str]) -> list[str]:
    lines, _ = function(subject.graph, nodes, learnt, known)
    has = {node.name for node in nodes}
    lines += [] if CENTER in has else ["window_center = np.zeros_like(local[:, :1])"]
    lines += [] if SCALE in has else ["window_scale = np.ones_like(local[:, :1])"]
    return [
        "def window_statistics(local):",
        '    """What each window is centered at and divided by, per column."""',
        *indented(lines),
        "    return window_center, window_scale",
    ]


def _training_lines(subject: Subject) -> list[str]:
    series = subject.experiment.series
    is_file = isinstance(subject.experiment.validation, str)
    conditions = {
        "file": is_file,
        "thin": not subject.is_solved,
        "weight": subject.has_weight,
        "windowed": subject.is_windowed,
        "folded": subject.is_folded,
        "shifted": bool(subject.lost_steps),
        "train_end": bool(series.train_end),
        "validation_end": bool(series.validation_end),
    }
    values = {
        "w": ", weight" if subject.has_weight else "",
        "statistics": ", center, scale" if subject.is_windowed else "",
        "read": 1 if subject.is_folded else "TARGETS",
        "power": ERROR_POWERS[subject.loss],
        "times": ", times[None, :, None]" if subject.reads_times else "",
        "lost": subject.lost_steps,
        "plus": f" + {subject.lost_steps}" if subject.lost_steps else "",
        "most": MAX_CHECKED,
        "fraction": literal(subject.experiment.validation),
        "train_end": _stamp(subject, series.train_end),
        "validation_end": _stamp(subject, series.validation_end),
    }
    parts = [_WINDOWS, _LOAD, *([] if is_file else [_BORDERS]), _MAKE]
    parts += [] if subject.is_solved else [_THINNED]
    lines: list[str] = []
    for text in parts:
        lines += ["", "", *fill(keep(text, **conditions), **values)]
    return lines


def _stamp(subject: Subject, text: str) -> str:
    """A time given by the user as ISO 8601."""
    if not text:
        return ""
    time = subject.schema.by_role("time")[0]
    for column in (msgspec.structs.replace(time, time_format=""), time):
        try:
            return literal(str(_moment(int(parse_value(column, text)))))
        except ValueError:
            continue
    return literal(text)


def _moment(microseconds: int) -> str:
    return str(np.datetime64(microseconds, "us").astype("datetime64[s]"))
