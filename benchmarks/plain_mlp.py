"""A plain network for tables as one writes it in an afternoon with PyTorch and scikit-learn, to compare ours with.

Standardized numbers and one-hot categories into 256 and 128 units with ReLU and dropout 0.1; AdamW at 1e-3, batches of
256, until ten epochs bring no better validation loss; the best weights are kept. Data sits in whole tensors: there is
no loader to be slow. Called by `accuracy.py` with the job as JSON on standard input; imports and reading are not timed.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler
from torch import Tensor, nn
from torch.nn import functional

EPOCHS, PATIENCE, BATCH, RATE = 200, 10, 256, 1e-3


def main() -> None:
    job = json.load(sys.stdin)
    frames = [pd.read_csv(job[part]).drop(columns=list(job["drop"])) for part in ("train", "validation", "test")]
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    wall, cpu = time.perf_counter(), time.process_time()
    inputs, targets, spread = prepare(frames, job["target"], is_classes=job["is_classes"])
    module, epochs, best_epoch = train(inputs, targets)
    taken = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    with torch.inference_mode():
        output = module(inputs[2])
    test = measures(output, targets[2], spread)
    print(json.dumps({**taken, "epochs": epochs, "best_epoch": best_epoch, "test": test}))


def prepare(frames: list[Any], target: str, *, is_classes: bool) -> tuple[list[Tensor], list[Tensor], float]:
    """Inputs and targets of the three parts, and the standard deviation of a numeric target."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    features = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("texts", texts, make_column_selector(dtype_exclude="number")),
        ]
    )
    tables = [frame.drop(columns=target) for frame in frames]
    features.fit(tables[0])
    inputs = [torch.from_numpy(features.transform(table).astype(np.float32)) for table in tables]
    if is_classes:
        labels = LabelEncoder().fit(frames[0][target])
        return inputs, [torch.from_numpy(labels.transform(frame[target])) for frame in frames], 1.0
    mean, spread = frames[0][target].mean(), frames[0][target].std()
    scaled = [((frame[target] - mean) / spread).to_numpy(np.float32) for frame in frames]
    return inputs, [torch.from_numpy(values) for values in scaled], float(spread)


def loss_of(output: Tensor, target: Tensor) -> Tensor:
    if target.is_floating_point():
        return functional.mse_loss(output[:, 0], target)
    return functional.cross_entropy(output, target)


def train(inputs: list[Tensor], targets: list[Tensor]) -> tuple[nn.Module, int, int]:
    """The best module, how many epochs ran, and which was best."""
    outputs = 1 if targets[0].is_floating_point() else int(targets[0].max()) + 1
    module = nn.Sequential(
        *(nn.Linear(inputs[0].shape[1], 256), nn.ReLU(), nn.Dropout(0.1)),
        *(nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.1)),
        nn.Linear(128, outputs),
    )
    optimizer = torch.optim.AdamW(module.parameters(), lr=RATE)
    best, best_epoch, kept = float("inf"), 0, copy.deepcopy(module.state_dict())
    for epoch in range(1, EPOCHS + 1):
        module.train()
        for index in torch.split(torch.randperm(len(inputs[0])), BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss_of(module(inputs[0][index]), targets[0][index]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        module.eval()
        with torch.inference_mode():
            loss = float(loss_of(module(inputs[1]), targets[1]))
        if loss < best:
            best, best_epoch, kept = loss, epoch, copy.deepcopy(module.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            break
    module.load_state_dict(kept)
    return module.eval(), epoch, best_epoch


def measures(output: Tensor, target: Tensor, spread: float) -> dict[str, float]:
    if target.is_floating_point():
        return {"rmse": float(loss_of(output, target).sqrt()) * spread}
    found = {"accuracy": float((output.argmax(dim=1) == target).float().mean())}
    if output.shape[1] == 2:
        found["roc_auc"] = float(roc_auc_score(target.numpy(), output.softmax(dim=1)[:, 1].numpy()))
    return found


if __name__ == "__main__":
    main()
