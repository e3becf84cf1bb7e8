"""Keras, lstm: python simple_timeseries_example.py DATA.csv [--train]"""

import csv
import gzip
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.lib.stride_tricks import sliding_window_view

HERE = Path(__file__).parent
NUMBERS = ["temp_max"]
HISTORY, HORIZON = 28, 7


def build_model():
    history = keras.Input((None, 1), name="history")
    x = layers.LSTM(32, name="lstm")(history)
    x = layers.Dense(7, name="head")(x)
    x = layers.Reshape((7, 1))(x)
    return keras.Model(history, x)


def number(cell):
    words = ["", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"]
    return float("nan") if cell.strip().lower() in words else float(cell)


def read(path):
    """Rows in order of time, one for every step."""
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
        header, *rows = (row for row in csv.reader(file) if row)
    table = dict(zip(header, zip(*rows)))
    numbers = np.array([[number(c) for c in table[name]] for name in NUMBERS]).T
    return [[numbers]]


def fill_steps(values):
    steps = np.arange(values.shape[1])[None, :, None]
    known = np.where(np.isnan(values), -1, steps)
    last = np.maximum.accumulate(known, axis=1)
    first = np.argmax(known >= 0, axis=1, keepdims=True)
    source = np.where(last >= 0, last, first)
    return np.nan_to_num(np.take_along_axis(values, source, axis=1))


def prepare(numbers):
    filled = fill_steps(numbers)
    local = (filled - 15.84294268605646) / 7.209944911461742
    window_center = local.mean(axis=1, keepdims=True)
    centered = local - window_center
    window_scale = np.maximum(local.std(axis=1, keepdims=True), 0.01)
    normalized = centered / window_scale
    history = normalized.astype(np.float32)
    return {
        "history": history,
        "local": local,
        "window_center": window_center,
        "window_scale": window_scale,
    }


def predict(model, series):
    [numbers] = series[0]
    values = prepare(numbers[None, -HISTORY:])
    inputs = [values["history"]]
    raw = model.predict(inputs[0], batch_size=4096, verbose=0).astype(np.float64)
    rescaled = raw * values["window_scale"]
    recentered = rescaled + values["window_center"]
    unscaled = recentered * 7.209944911461742 + 15.84294268605646
    unscaled_answer = unscaled.reshape(-1, 7)
    return {"temp_max": unscaled_answer}


def train(model, series):
    """The run in outline: neither validation nor early stopping."""
    size = HISTORY + HORIZON
    views = [[sliding_window_view(x, size, axis=0) for x in part] for part in series]
    windows = [np.concatenate(part).transpose(0, 2, 1) for part in zip(*views)]
    values = prepare(*(part[:, :HISTORY] for part in windows))
    future = prepare(*windows)["local"][:, -HORIZON:]
    future = future - values["window_center"]
    future = future / values["window_scale"]
    inputs, target = [values["history"]], future.astype(np.float32)
    optimizer, loss = keras.optimizers.AdamW(0.003, weight_decay=0.0), "mse"
    model.compile(optimizer, loss=loss)
    model.fit(inputs[0], target, batch_size=64, epochs=12, verbose=2)


if __name__ == "__main__":
    data = read(sys.argv[1])
    model, arrays = build_model(), np.load(HERE / "weights.npz")
    if "--train" in sys.argv:
        train(model, data)
    else:
        for layer in model.layers:
            for i, weight in enumerate(layer.weights):
                weight.assign(arrays[f"{layer.name}/{i}"].reshape(weight.shape))
    for name, values in predict(model, data).items():
        print(name, values, sep="\n")
