"""Predicts the next 7 steps of temp_max with lstm in Keras.

python timeseries_deep_learning.py train DATA.csv
python timeseries_deep_learning.py predict DATA.csv
"""

import argparse
import csv
import gzip
import io
import json
import math
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent


# The network


def build_model():
    """lstm for the next 7 steps of temp_max."""
    history = keras.Input((None, 1), name="history")
    x = layers.LSTM(32, name="lstm")(history)
    x = layers.Dense(7, name="head")(x)
    x = layers.Reshape((7, 1))(x)
    return keras.Model(history, x)


def load_weights(model, path):
    """Fills a model from an .npz file, `<layer>/<number>` for each array of a layer."""
    if not str(path).endswith(".npz"):
        model.load_weights(path)
        return
    arrays = np.load(path)
    for layer in model.layers:
        for place, weight in enumerate(layer.weights):
            weight.assign(arrays[f"{layer.name}/{place}"].reshape(weight.shape))


# The data: from a CSV file to NumPy arrays, and back to answers

TIME = "date"
NUMBERS = ["temp_max"]
TARGETS = 1  # the first of these columns
WINDOW = 28  # steps that the network reads
HISTORY = WINDOW
HORIZON = 7
STEP = 86_400_000_000  # microseconds
MISSING = ["", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"]
TIMES = {"date": ""}


def read_table(path):
    """The columns of a CSV file (also .gz) by name, as texts."""
    open_file = gzip.open if str(path).endswith(".gz") else open
    with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
        text = file.read()
    header = text[: text.find("\n")]
    delimiter = max(",;\t|", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names, *rows = (row for row in rows if row)
    return dict(zip((name.strip() for name in names), zip(*rows)))


def number(text):
    """A number; NaN for an empty cell and the words that mean one."""
    text = text.strip()
    return float("nan") if text.lower() in MISSING else float(text)


def time(text, pattern=""):
    """Microseconds since 1970 in UTC; the least int64 for an empty cell."""
    text = text.strip()
    if text.lower() in MISSING:
        return -(2**63)
    stamp = datetime.strptime(text, pattern) if pattern else None
    stamp = stamp or datetime.fromisoformat(text)
    if stamp.tzinfo:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
    return (stamp - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def column(table, name):
    """A column, typed: numbers as float64, texts as they are, times in microseconds."""
    if name not in table:
        sys.exit(f"Expected a column {name!r}, got {', '.join(table)}.")
    cells = table[name]
    if name in TIMES:
        return np.array([time(cell, TIMES[name]) for cell in cells], dtype=np.int64)
    return np.array([number(cell) for cell in cells])


def read_series(path):
    """(key, times, values) of each series: in order, without gaps, targets first."""
    table = read_table(path)
    times = column(table, TIME)
    values = np.stack([column(table, name) for name in NUMBERS], axis=-1)
    return [((), *regular(times, values))]


def regular(times, values):
    """Rows in order of time, the last of equal times, gaps filled in a straight line."""
    order = np.argsort(times, kind="stable")
    order = order[np.append(times[order][1:] != times[order][:-1], True)]
    times, values = times[order], values[order]
    missing = missing_steps(times)
    for row in np.flatnonzero(missing)[::-1]:
        times = np.insert(times, row + 1, following(times[row], missing[row]))
        values = np.insert(values, [row + 1] * missing[row], np.nan, axis=0)
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


def missing_steps(times):
    """How many steps are missing after each row."""
    steps, rest = np.divmod(np.diff(times), STEP)
    return np.where((rest == 0) & (steps > 1), steps - 1, 0)


def following(last, steps):
    """The times of the next steps."""
    return last + STEP * np.arange(1, steps + 1)


def fill_steps(values):
    """Carries the last known value forward; leading gaps take the first known one."""
    steps = np.arange(values.shape[1])[None, :, None]
    known = np.where(np.isnan(values), -1, steps)
    last = np.maximum.accumulate(known, axis=1)
    first = np.argmax(known >= 0, axis=1, keepdims=True)
    source = np.where(last >= 0, last, first)
    return np.nan_to_num(np.take_along_axis(values, source, axis=1))


def local_values(numbers):
    """What does not depend on where a window begins; a whole series at once."""
    filled = fill_steps(numbers)
    local = (filled - 15.84294268605646) / 7.209944911461742
    return {"local": local}


def window_statistics(local):
    """What each window is centered at and divided by, per column."""
    window_center = local.mean(axis=1, keepdims=True)
    window_scale = np.maximum(local.std(axis=1, keepdims=True), 0.01)
    return window_center, window_scale


def prepare(numbers, times):
    """From windows of raw history to what the network reads and decoding needs."""
    values = local_values(numbers)
    local = values["local"]
    window_center, window_scale = window_statistics(local)
    centered = local - window_center
    normalized = centered / window_scale
    history = normalized.astype(np.float32)
    return values | {
        "history": history,
        "window_center": window_center,
        "window_scale": window_scale,
    }


def decode(raw, prepared):
    """From what the network answers to the answers asked for."""
    raw = raw.astype(np.float64)
    rescaled = raw * prepared["window_scale"]
    recentered = rescaled + prepared["window_center"]
    unscaled = recentered * 7.209944911461742 + 15.84294268605646
    unscaled_answer = unscaled.reshape(-1, 7)
    return {"temp_max": unscaled_answer}


class Windows:
    """Windows of series: samples[numbers] is a batch of (inputs, target, weight)."""

    def __init__(self, series, starts, center, scale):
        self.series, self.starts = series, starts
        self.center, self.scale = center, scale
        self.weight = (scale[:, :TARGETS] ** 2).mean(axis=1)

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, numbers):
        steps = self.starts[numbers][:, None] + np.arange(WINDOW + HORIZON)
        windows = self.series[steps]  # (batch, time, columns)
        windows = windows - self.center[numbers][:, None]
        windows = windows / self.scale[numbers][:, None]
        target = windows[:, WINDOW:, :TARGETS]
        return [windows[:, :WINDOW]], target, self.weight[numbers]


def load_samples(path):
    """Windows to train on and later ones to validate on, cut where the run cut them."""
    series = read_series(path)
    first, end, last = borders(series)
    train = make_windows(series, first, end)
    return train, thinned(make_windows(series, end + 1, last))


def borders(series):
    """The first time, the last one to train on, and the last one to validate on."""
    times = np.unique(np.concatenate([times for _, times, _ in series]))
    count = min(max(round(len(times) * (1 - 0.2)), 1), len(times) - HORIZON)
    return times[0], times[max(count, 1) - 1], times[-1]


def make_windows(series, first, last):
    """All windows whose future lies between two times."""
    prepared, starts, rows = [], [], 0
    for _, times, values in series:
        local = local_values(values[None])["local"][0]
        prepared.append(local)
        low = max(0, np.searchsorted(times, first) - HISTORY)
        high = np.searchsorted(times, last, side="right") - HISTORY - HORIZON
        starts.append(np.arange(low, high + 1) + rows)
        rows += len(times)
    local, starts = np.concatenate(prepared), np.concatenate(starts)
    statistics = [
        window_statistics(local[part[:, None] + np.arange(WINDOW)])
        for part in np.array_split(starts, len(starts) // 2048 + 1)
    ]
    center, scale = (
        np.concatenate(part)[:, 0].astype(np.float32) for part in zip(*statistics)
    )
    return Windows(local.astype(np.float32), starts, center, scale)


def thinned(windows):
    """At most 4096 windows, evenly spread: neighbours say nearly the same."""
    if len(windows) <= 4096:
        return windows
    keep = np.linspace(0, len(windows) - 1, 4096).astype(np.int64)
    center, scale = windows.center[keep], windows.scale[keep]
    return Windows(windows.series, windows.starts[keep], center, scale)


# Training

SEED = 0
EPOCHS = 12
PATIENCE = 3
BATCH_SIZE = 64
EPOCH_SAMPLES = 8192
LEARNING_RATE = 0.003
BETAS = (0.9, 0.999)
EPSILON = 1e-08
CLIP = 1.0


def batches(num_samples, epoch):
    """Numbers of samples, a row per batch, drawn from the seed as the run drew them."""
    count = min(num_samples, EPOCH_SAMPLES)
    size = min(BATCH_SIZE, count)
    steps = count // size
    stream = np.random.default_rng([SEED, epoch, 0x6F72646572])
    return stream.permutation(num_samples)[: steps * size].reshape(steps, size)


class Batches(keras.utils.PyDataset):
    """The batches of an epoch; `draw` makes those of the next one."""

    def __init__(self, samples):
        super().__init__()
        self.samples = samples
        self.draw(1)

    def draw(self, epoch):
        self.order = batches(len(self.samples), epoch)

    def __len__(self):
        return len(self.order)

    def __getitem__(self, number):
        return for_keras(self.samples[self.order[number]])


def for_keras(batch):
    """A batch as Keras takes it; weights are shares of the batch, as the run's mean has them."""
    inputs, target, weight = batch
    weight = weight * (len(weight) / weight.sum())
    return inputs[0], target, weight[:, None]


class AdamW(keras.optimizers.Optimizer):
    """PyTorch's: epsilon is added after the bias correction, where Keras adds it before."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.means, self.squares = (
            [self.add_variable_from_reference(variable, name) for variable in variables]
            for name in ("mean", "square")
        )

    def update_step(self, gradient, variable, learning_rate):
        step = keras.ops.cast(self.iterations + 1, "float32")
        place = self._get_variable_index(variable)
        mean, square = self.means[place], self.squares[place]
        gradient = keras.ops.cast(gradient, "float32")
        change = keras.ops.subtract(gradient, mean)
        self.assign_add(mean, keras.ops.multiply(change, 1 - BETAS[0]))
        change = keras.ops.subtract(keras.ops.square(gradient), square)
        self.assign_add(square, keras.ops.multiply(change, 1 - BETAS[1]))
        # 1 - beta**step, with the digits that float32 would lose near beta = 1
        size = -learning_rate / keras.ops.expm1(step * math.log(BETAS[0]))
        correction = -keras.ops.expm1(step * math.log(BETAS[1]))
        scale = keras.ops.sqrt(square) / keras.ops.sqrt(correction) + EPSILON
        self.assign_sub(variable, keras.ops.multiply(size, mean / scale))


def make_optimizer(model):
    """AdamW as the run used it."""
    optimizer = AdamW(
        learning_rate=LEARNING_RATE,
        global_clipnorm=CLIP,
        name="adamw",
    )
    return optimizer


class StepLosses(keras.callbacks.Callback):
    """The loss of every step, from the running means that Keras reports."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(float(total - self.total) if batch else float(total))
        self.total = total


def fit(train, validation, epochs=EPOCHS, precision="float32", checkpoint=None):
    """Trains as the run did; returns the model with the best epoch's weights."""
    keras.utils.set_random_seed(SEED)
    if precision in ("bfloat16", "float16"):
        keras.mixed_precision.set_dtype_policy(f"mixed_{precision}")
    model = build_model()
    load_weights(model, HERE / "initial.npz")
    training = Batches(train)
    optimizer = make_optimizer(model)
    loss = keras.losses.MeanSquaredError()
    model.compile(optimizer, loss=loss)
    whole = for_keras(validation[np.arange(len(validation))])
    untrained = model.evaluate(*whole[:2], 4096, sample_weight=whole[2], verbose=0)
    initial = model.get_weights()
    steps = StepLosses()
    stopping = keras.callbacks.EarlyStopping(
        patience=PATIENCE, baseline=untrained, restore_best_weights=True
    )
    order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: training.draw(epoch + 1)
    )
    callbacks = [order, steps, stopping]
    if checkpoint:
        callbacks.append(
            keras.callbacks.ModelCheckpoint(
                checkpoint, save_best_only=True, save_weights_only=True
            )
        )
    history = model.fit(
        training,
        epochs=epochs,
        shuffle=False,  # the batches are in their order already
        validation_data=whole,
        validation_batch_size=4096,
        callbacks=callbacks,
        verbose=2,
    ).history
    if untrained < min(history["val_loss"]):
        model.set_weights(initial)
    return model, {"steps": steps.losses, "epochs": [untrained, *history["val_loss"]]}


def train_main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the CSV file that the model was trained on")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--precision",
        default="float32",
        choices=["float32", "bfloat16", "float16"],
    )
    parser.add_argument("--output", default="trained.weights.h5")
    parser.add_argument("--history", default="history.json")
    parser.add_argument("--checkpoint", help="a .weights.h5 file for the best epoch")
    parser.add_argument("--plot", help="an image of the losses")
    args = parser.parse_args()
    train, validation = load_samples(args.data)
    options = args.epochs, args.precision, args.checkpoint
    model, history = fit(train, validation, *options)
    model.save_weights(args.output)
    Path(args.history).write_text(json.dumps(history))
    if args.plot:
        plot(history["epochs"], args.plot)


def plot(losses, path):
    """Draws the validation loss of each epoch."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(losses)
    axes.set(xlabel="epoch", ylabel="validation loss")
    figure.savefig(path)


# Prediction


def load_model(path=HERE / "weights.npz"):
    """The network with its weights, ready to predict."""
    model = build_model()
    load_weights(model, path)
    return model


def run_network(model, inputs):
    """Raw outputs for prepared NumPy arrays."""
    return model.predict(inputs[0], batch_size=4096, verbose=0)


def write_table(columns, path):
    """Columns as a CSV file, or on the screen."""
    with open(path, "w", newline="") if path else nullcontext(sys.stdout) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def forecast(series, model):
    """Answers by name for the steps after each series."""
    found = []
    for _, times, values in series:
        if len(values) < 2:
            sys.exit(f"Expected at least 2 steps of history, got {len(values)}.")
        times, values = times[-HISTORY:], values[-HISTORY:]
        prepared = prepare(values[None], times[None, :, None])
        raw = run_network(model, [prepared["history"]])
        found.append(decode(raw, prepared))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def answer_columns(series, answers):
    """Keys, times and forecasts as columns of a CSV file."""
    columns = {}
    ahead = [following(times[-1], HORIZON) for _, times, _ in series]
    ahead = [stamps.astype("datetime64[us]").astype(str) for stamps in ahead]
    columns[TIME] = np.concatenate(ahead).tolist()
    for name, values in answers.items():
        columns[name] = values.ravel().tolist()
    return columns


def predict_main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="a CSV file with the history")
    parser.add_argument("-o", "--output", help="where to write; else the screen")
    parser.add_argument("--weights", default=str(HERE / "weights.npz"))
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


def main():
    commands = {"train": train_main, "predict": predict_main}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv.pop(1)]()


if __name__ == "__main__":
    main()
