"""The trainer: whole tensors on the device, and a loop that waits for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ambidex.backends.torch._import import Tensor, Untyped, torch
from ambidex.backends.torch.device import choose_device, configure, limited_threads
from ambidex.backends.torch.lower import lower
from ambidex.backends.torch.ops import EngineOps
from ambidex.backends.torch.optimizer import make_optimizer
from ambidex.backends.torch.weights import from_canonical, slots_from_canonical, slots_to_canonical, to_canonical
from ambidex.graph import Graph
from ambidex.graph.op import Array
from ambidex.losses import Loss, batch_loss
from ambidex.training.feed import Feed, Source
from ambidex.training.plan import Plan

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_RAW = "/raw"
_GRAD_SCALE = "grad_scale"


class _Rows(NamedTuple):
    """A source on the device. `windows` is a view of every window of a series, (N - length + 1, length, F)."""

    rows: Tensor
    is_window: bool = False
    center: Tensor | None = None
    scale: Tensor | None = None

    def gather(self, index: Tensor, start: Tensor) -> Tensor:
        """The samples `index`, whose windows begin at `start`."""
        if not self.is_window:
            return self.rows.index_select(0, index)
        windows = self.rows.index_select(0, start)  # (B, T, F)
        if self.center is None or self.scale is None:
            return windows
        return windows.sub_(self.center.index_select(0, index)).div_(self.scale.index_select(0, index))


class _Samples:
    """A feed on the device: batches are gathered there by sample number."""

    def __init__(self, feed: Feed, names: tuple[str, ...], device: torch.device) -> None:
        self.num_samples = feed.num_samples
        self._inputs = [_place(feed.inputs[name], device) for name in names]
        self._target = _place(feed.target, device) if feed.target is not None else None
        self._weight = _tensor(feed.weight, device) if feed.weight is not None else None
        self._starts = _tensor(feed.starts, device) if feed.starts is not None else None

    def inputs(self, index: Tensor) -> list[Tensor]:
        start = index if self._starts is None else self._starts.index_select(0, index)
        return [source.gather(index, start) for source in self._inputs]

    def take(self, index: Tensor) -> tuple[list[Tensor], Tensor, Tensor | None]:
        """Inputs, target and weight of the samples `index` (B,)."""
        start = index if self._starts is None else self._starts.index_select(0, index)
        assert self._target is not None
        target = self._target.gather(index, start)
        weight = None if self._weight is None else self._weight.index_select(0, index)
        return [source.gather(index, start) for source in self._inputs], target, weight


def _tensor(array: Array, device: torch.device) -> Tensor:
    """On the device as float32 or as it is; without a copy where the memory can be shared."""
    array = np.asarray(array, dtype=np.float32 if array.dtype.kind == "f" else None, order="C")
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)


def _place(source: Source, device: torch.device) -> _Rows:
    rows = _tensor(source.array, device)
    if source.length == 0:
        return _Rows(rows)
    # A view of overlapping windows: gathering from it is 4 times as fast as from computed row numbers.
    windows = rows.unfold(0, source.length, 1).transpose(1, 2)[source.offset :]  # (N - T + 1 - offset, T, F)
    if source.center is None or source.scale is None:
        return _Rows(windows, True)
    return _Rows(windows, True, _tensor(source.center, device)[:, None], _tensor(source.scale, device)[:, None])


class Trainer:
    """The edition of `training.engine.Trainer`; see there for the verbs.

    With `plan.ema` = e an average a ← e · a + (1 - e) · w follows every update, beginning at the weights that were
    set. Then `weights`, `predict` and `evaluate` use the averages (and the running statistics as they are), and
    `optimizer_state` also holds the weights being trained, as `<weight>/raw`.

    An update that `run` ends before `plan.accumulate` batches came takes the mean of those that did. Prediction and
    evaluation run in float32 whatever `plan.precision` says, as serving will. `compile` "auto" is "off": on a CPU the
    first compiled step of a perceptron with embeddings took 42 s, and an epoch (0.9 s) then gained nothing.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], loss: Loss, plan: Plan) -> None:
        configure(plan)
        self._graph = graph
        self._loss = loss
        self._plan = plan
        self._device = choose_device(plan.device)
        self._module = lower(graph, weights).to(self._device)
        self._optimizer = make_optimizer(self._module, plan.optimizer)
        self._trained: list[Tensor] = [parameter for parameter in self._module.parameters() if parameter.requires_grad]
        self._averages = [parameter.detach().clone() for parameter in self._trained] if plan.ema else []
        self._scaler = torch.amp.GradScaler(self._device.type) if plan.precision == "float16" else None
        self._ops = EngineOps()
        self._loss_of: Untyped = self._batch_loss
        if plan.compile == "on":
            self._loss_of = torch.compile(self._batch_loss, dynamic=False)
        self._samples: _Samples | None = None
        self._streams: list[Tensor] = []
        self._last: tuple[Feed, _Samples] | None = None

    def load(self, feed: Feed) -> None:
        self._samples = self._on_device(feed)

    def run(self, order: npt.NDArray[np.int64], learning_rates: npt.NDArray[np.float64], seed: int | None) -> Array:
        assert self._samples is not None, "load comes before run"
        batches = torch.from_numpy(np.array(order, dtype=np.int64)).to(self._device).unbind()
        rates: list[float] = learning_rates.tolist()
        size = self._plan.accumulate
        losses: list[Tensor] = []
        self._module.train()
        with self._seeded(seed), limited_threads(self._plan.threads):
            for first in range(0, len(batches), size):
                group = batches[first : first + size]
                losses += [self._backward(self._samples, index, 1 / len(group)) for index in group]
                self._update(rates[first + len(group) - 1])
        return torch.stack(losses).double().cpu().numpy() if losses else np.empty(0)

    def predict(self, feed: Feed, batch_size: int) -> dict[str, Array]:
        samples = self._kept(feed)
        with self._inference():
            found = [self._by_name(self._module(*samples.inputs(i))) for i in self._in_order(samples, batch_size)]
            return {name: torch.cat([batch[name] for batch in found]).cpu().numpy() for name in self._graph.raw_outputs}

    def evaluate(self, feed: Feed, batch_size: int) -> float:
        samples = self._kept(feed)
        losses: list[Tensor] = []
        shares: list[Tensor] = []
        with self._inference():
            for index in self._in_order(samples, batch_size):
                inputs, target, weight = samples.take(index)
                losses.append(self._batch_loss(inputs, target, weight))
                shares.append(torch.tensor(float(len(index))) if weight is None else weight.sum())
            values, share = torch.stack(losses).double().cpu(), torch.stack(shares).double().cpu()
            return float((values * share).sum() / share.sum())

    def weights(self) -> dict[str, Array]:
        with self._averaged():
            return to_canonical(self._module, self._graph)

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        from_canonical(self._module, self._graph, weights)
        for average, parameter in zip(self._averages, self._trained, strict=False):
            average.copy_(parameter.detach())

    def optimizer_state(self) -> dict[str, Array]:
        state = slots_to_canonical(self._module, self._graph, self._optimizer)
        if self._averages:
            state |= {name + _RAW: weight for name, weight in to_canonical(self._module, self._graph).items()}
        if self._scaler is not None:
            state[_GRAD_SCALE] = np.asarray(self._scaler.get_scale(), dtype=np.float32)
        return state

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        slots_from_canonical(self._module, self._graph, self._optimizer, state)
        if self._averages:
            raw = {name.removesuffix(_RAW): value for name, value in state.items() if name.endswith(_RAW)}
            from_canonical(self._module, self._graph, raw)
        if self._scaler is not None and _GRAD_SCALE in state:
            self._scaler.load_state_dict({**self._scaler.state_dict(), "scale": float(state[_GRAD_SCALE])})

    def _batch_loss(self, inputs: list[Tensor], target: Tensor, weight: Tensor | None) -> Tensor:
        predicted = self._by_name(self._module(*inputs))[self._graph.raw_outputs[0]].float()
        loss: Tensor = batch_loss(self._loss, self._ops, target, predicted, weight)
        return loss

    def _by_name(self, outputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        return outputs if isinstance(outputs, dict) else {self._graph.raw_outputs[0]: outputs}

    def _backward(self, samples: _Samples, index: Tensor, share: float) -> Tensor:
        """Adds the gradients of one batch, times `share`, and returns its loss without waiting for it."""
        batch = samples.take(index)
        with self._autocast():
            loss: Tensor = self._loss_of(*batch)
        scaled = loss if share == 1 else loss * share
        (scaled if self._scaler is None else self._scaler.scale(scaled)).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _update(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        if self._scaler is not None:
            self._scaler.unscale_(self._optimizer)
        if self._plan.optimizer.clip:
            torch.nn.utils.clip_grad_norm_(self._trained, self._plan.optimizer.clip)
        if self._scaler is None:
            self._optimizer.step()
        else:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        if self._averages:
            with torch.no_grad():
                torch._foreach_lerp_(self._averages, self._trained, 1 - self._plan.ema)

    def _autocast(self) -> AbstractContextManager[Untyped]:
        dtype = _AUTOCAST.get(self._plan.precision)
        return nullcontext() if dtype is None else torch.autocast(self._device.type, dtype=dtype)

    @contextmanager
    def _seeded(self, seed: int | None) -> Iterator[None]:
        """Streams of chance that begin at `seed`, or go on from the last call; the process's own are left alone."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            if seed is None:
                assert self._streams, "the first call gives a seed"
                torch.set_rng_state(self._streams[0])
                for device, state in zip(devices, self._streams[1:], strict=True):
                    torch.cuda.set_rng_state(state, device)
            else:
                torch.manual_seed(seed)
            yield
            self._streams = [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]

    @contextmanager
    def _inference(self) -> Iterator[None]:
        self._module.eval()
        with limited_threads(self._plan.threads), self._averaged(), torch.inference_mode():
            yield

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The averages in place of the weights, if averages are kept."""
        trained = [parameter.detach().clone() for parameter in self._trained] if self._averages else []
        self._overwrite(self._averages)
        try:
            yield
        finally:
            self._overwrite(trained)

    def _overwrite(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self._trained, values, strict=False):
                parameter.copy_(value)

    def _in_order(self, samples: _Samples, batch_size: int) -> tuple[Tensor, ...]:
        return torch.split(torch.arange(samples.num_samples, device=self._device), batch_size)

    def _on_device(self, feed: Feed) -> _Samples:
        return _Samples(feed, self._graph.prepared, self._device)

    def _kept(self, feed: Feed) -> _Samples:
        """A feed on the device; the last one asked for stays there, since validation asks for it every epoch."""
        if self._last is None or self._last[0] is not feed:
            self._last = (feed, self._on_device(feed))
        return self._last[1]
