"""PyTorch, lstm: python simple_pytorch_example.py DATA.csv [--train]"""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.torch import load_file
from torch import nn

HERE = Path(__file__).parent
NUMBERS = ["temp_max"]
HISTORY, HORIZON = 28, 7


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 7)

    def forward(self, history):
        x, _ = self.lstm(history)
        return self.head(x[:, -1]).reshape(-1, 7, 1)


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
    with torch.inference_mode():
        raw = model(*map(torch.from_numpy, inputs)).numpy().astype(np.float64)
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
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.0)
    inputs, target = [torch.from_numpy(x) for x in inputs], torch.from_numpy(target)
    for epoch in range(12):
        for rows in torch.randperm(len(target)).split(64):
            predicted, truth = model(*(x[rows] for x in inputs)), target[rows]
            loss = F.mse_loss(predicted, truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: {loss.item():.5f}")


if __name__ == "__main__":
    data = read(sys.argv[1])
    model = Network()
    if "--train" in sys.argv:
        train(model, data)
    else:
        model.load_state_dict(load_file(HERE / "weights.safetensors"))
    for name, values in predict(model.eval(), data).items():
        print(name, values, sep="\n")
