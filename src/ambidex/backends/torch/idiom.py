"""What a PyTorch user would write by hand for this network: PyTorch's own defaults, its own loop, its own calls.

This is the code that `ambidex compare` times in its division Defaults, and that its report shows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np

from ambidex.backends.torch._import import Tensor, Untyped, nn, torch
from ambidex.backends.torch.device import choose_device, configure
from ambidex.backends.torch.lower import lower
from ambidex.errors import UsageError, expected, one_of
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.training.plan import Plan


def _binary_cross_entropy(predicted: Tensor, target: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(predicted[:, 0], target.float())


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "binary_cross_entropy": _binary_cross_entropy,
    "cross_entropy": nn.functional.cross_entropy,
    "mse": nn.functional.mse_loss,
    "mae": nn.functional.l1_loss,
    "huber": nn.functional.huber_loss,
}


class Idiom:
    """A network with PyTorch's initial weights, Adam as it comes, and a plain loop over tensors in memory.

    `loss` is a name of `LOSSES`. `steps_per_call` is Keras's and means nothing here.
    """

    def __init__(self, graph: Graph, loss: str, plan: Plan, *, steps_per_call: int) -> None:
        if loss not in LOSSES:
            raise UsageError(expected(one_of(LOSSES, loss), got=f"loss {loss!r}", where="division defaults"))
        self._graph = graph
        self._loss = LOSSES[loss]
        self._plan = plan
        self._device = choose_device(plan.device)
        configure(plan)
        _hold_to(plan.threads)

    def create(self, weights: Mapping[str, Array]) -> None:
        """Builds network and optimizer; `weights` only give shapes, the network draws its own."""
        self._network = lower(self._graph, weights)
        for layer in self._network.modules():
            if isinstance(getattr(layer, "reset_parameters", None), Callable):  # type: ignore[arg-type]
                layer.reset_parameters()  # type: ignore[operator]
        self._network.to(self._device)
        self._forward: Untyped = torch.compile(self._network) if self._plan.compile == "on" else self._network
        self._optimizer = torch.optim.Adam(self._network.parameters())
        self._initial = copy.deepcopy(self._network.state_dict()), copy.deepcopy(self._optimizer.state_dict())

    def restart(self) -> None:
        """Back to the initial weights and a fresh optimizer."""
        self._network.load_state_dict(self._initial[0])
        self._optimizer.load_state_dict(copy.deepcopy(self._initial[1]))

    def fit(self, inputs: list[Array], target: Array, epochs: int, *, turn: Callable[[bool], None]) -> None:
        """Trains; `turn(True)` is called before each epoch and `turn(False)` after it."""
        tensors = [torch.from_numpy(array).to(self._device) for array in inputs]
        wanted = torch.from_numpy(target).to(self._device)
        for _ in range(epochs):
            turn(True)
            self._network.train()
            for rows in torch.split(torch.randperm(len(wanted), device=self._device), self._plan.batch_size):
                self._optimizer.zero_grad()
                loss = self._loss(self._forward(*(tensor[rows] for tensor in tensors)), wanted[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
            self._wait()
            turn(False)

    def predict(self, inputs: list[Array]) -> Array:
        """Raw outputs of some rows, from arrays to an array."""
        self._network.eval()
        with torch.no_grad():
            predicted = self._forward(*(torch.from_numpy(array).to(self._device) for array in inputs))
            return np.asarray(predicted.cpu().numpy())

    def _wait(self) -> None:
        """Kernels of a GPU run behind the program."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


class Predictor:
    """The fastest call that PyTorch itself offers for given weights, in the division Matched."""

    def __init__(self, graph: Graph, weights: Mapping[str, Array], plan: Plan) -> None:
        self._device = choose_device(plan.device)
        _hold_to(plan.threads)
        network = lower(graph, weights).eval().to(self._device)
        self._call: Untyped = torch.compile(network) if plan.compile == "on" else network

    def predict(self, inputs: list[Array]) -> Array:
        """Raw outputs of some rows, from arrays to an array."""
        with torch.inference_mode():
            predicted = self._call(*(torch.from_numpy(array).to(self._device) for array in inputs))
            return np.asarray(predicted.cpu().numpy())


def _hold_to(threads: int) -> None:
    """Sets the threads of the process, within operations and between them; 0 leaves them as they are."""
    if not threads:
        return
    torch.set_num_threads(threads)
    if torch.get_num_interop_threads() != threads:
        with suppress(RuntimeError):  # they work already, and stay as many as they are
            torch.set_num_interop_threads(threads)


def settings(plan: Plan) -> dict[str, str]:
    """What this process computes with, in PyTorch's own words, once it is held to the plan's threads."""
    _hold_to(plan.threads)
    return {
        "torch.get_num_threads()": str(torch.get_num_threads()),
        "torch.get_num_interop_threads()": str(torch.get_num_interop_threads()),
        "torch.get_float32_matmul_precision()": torch.get_float32_matmul_precision(),
        "torch.backends.cudnn.allow_tf32": str(torch.backends.cudnn.allow_tf32),
        "device": str(choose_device(plan.device)),
    }


def peak_device_bytes(plan: Plan) -> int:
    """The most memory that the allocator held on the GPU; 0 on a CPU."""
    device = choose_device(plan.device)
    return int(torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0
