"""The update equation of `training.plan.Optimizer`, which is PyTorch's own."""

from __future__ import annotations

from ambidex.backends.torch._import import Tensor, Untyped, nn, torch
from ambidex.training.plan import Optimizer


class _DecoupledSgd(torch.optim.SGD):
    """SGD whose decay shrinks the weights and stays out of the momentum, where PyTorch's adds it to the gradient.

    Also counts its steps, as Adam does, in one tensor that all weights share.
    """

    count: Tensor

    def step(self, closure: Untyped = None) -> Untyped:
        with torch.no_grad():
            for group in self.param_groups:
                shrink = 1 - group["lr"] * group["decay"]
                for parameter in group["params"] if group["decay"] else ():
                    parameter.mul_(shrink)
        self.count += 1
        return super().step(closure)


def make_optimizer(module: nn.Module, optimizer: Optimizer) -> torch.optim.Optimizer:
    """The optimizer of the trainable weights, of which those with two or more dimensions decay; its slots are zero.

    The fused kernels take a fifth (one thread) to a half (two) of the time of the others on a CPU: 8 embeddings and 3
    dense layers, 0.2 ms against 0.7 ms.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    decaying = [parameter for parameter in trained if parameter.ndim >= 2]
    others = [parameter for parameter in trained if parameter.ndim < 2]
    make = _sgd if optimizer.name == "sgd" else _adam
    return make(decaying, others, optimizer)


def _adam(decaying: list[nn.Parameter], others: list[nn.Parameter], spec: Optimizer) -> torch.optim.Optimizer:
    decay = spec.weight_decay if spec.name == "adamw" else 0.0
    made = torch.optim.AdamW(
        [{"params": decaying, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}],
        lr=spec.learning_rate,
        betas=(spec.beta1, spec.beta2),
        eps=spec.epsilon,
        fused=True,
    )
    for parameter in (*decaying, *others):
        made.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    return made


def _sgd(decaying: list[nn.Parameter], others: list[nn.Parameter], spec: Optimizer) -> torch.optim.Optimizer:
    # On a GPU a fused step runs even where float16 gradients overflowed, and would decay the weights then.
    is_fused = all(parameter.device.type == "cpu" for parameter in (*decaying, *others))
    made = _DecoupledSgd(
        [{"params": decaying, "decay": spec.weight_decay}, {"params": others, "decay": 0.0}],
        lr=spec.learning_rate,
        momentum=spec.momentum,
        fused=is_fused,
    )
    made.count = torch.zeros(())
    for parameter in (*decaying, *others):
        # Without momentum PyTorch leaves the buffer alone; it is there so that the state has the same names.
        made.state[parameter] = {"step": made.count, "momentum_buffer": torch.zeros_like(parameter)}
    return made
