"""A perceptron with embeddings for a table, as a PyTorch user would write it: one epoch per line on standard input."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

folder = Path(sys.argv[1])
sizes = json.loads((folder / "plain.json").read_text(encoding="utf-8"))
data = np.load(folder / "plain.npz")
torch.set_num_threads(sizes["threads"] or torch.get_num_threads())
numbers, codes, target = (torch.from_numpy(data[name]) for name in ("numbers", "codes", "target"))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(count, width) for count, width in sizes["embeddings"])
        *hidden, out = sizes["widths"]
        width = numbers.shape[1] + sum(width for _, width in sizes["embeddings"])
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(width, units), nn.SiLU()]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, out))

    def forward(self, numbers: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        embedded = [table(codes[:, place]) for place, table in enumerate(self.embeddings)]
        x: torch.Tensor = self.layers(torch.cat([numbers, *embedded], dim=-1))
        return x[:, 0]


network = Network()
optimizer = torch.optim.Adam(network.parameters())
loss_of = nn.BCEWithLogitsLoss()
labels = target.float()

for _ in range(sizes["epochs"] + 1):
    sys.stdin.readline()
    began = time.perf_counter(), time.process_time()
    for rows in torch.randperm(len(labels)).split(sizes["batch"]):  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        loss = loss_of(network(numbers[rows], codes[rows]), labels[rows])
        loss.backward()
        optimizer.step()
    print(time.perf_counter() - began[0], time.process_time() - began[1], flush=True)
