"""The source that both frameworks' training scripts share: constants of the plan, batches, learning rates."""

from __future__ import annotations

from ambidex.eject.subject import Subject
from ambidex.eject.text import fill, keep

PLOT = '''

def plot(losses, path):
    """Draws the validation loss of each epoch."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(losses)
    axes.set(xlabel="epoch", ylabel="validation loss")
    figure.savefig(path)
'''
"""The function that draws the losses: the same in both frameworks."""

_BATCHES = '''
def batches(num_samples, epoch):
    """Numbers of samples, a row per batch, drawn from the seed as the run drew them."""
    count = min(num_samples, EPOCH_SAMPLES)  #? limited
    count = num_samples  #? not limited
    size = min(BATCH_SIZE, count // ACCUMULATE)  #? accumulated
    size = min(BATCH_SIZE, count)  #? not accumulated
    steps = count // size // ACCUMULATE * ACCUMULATE  #? accumulated
    steps = count // size  #? not accumulated
    stream = np.random.default_rng([SEED, epoch, 0x6F72646572])
    return stream.permutation(num_samples)[: steps * size].reshape(steps, size)
'''
FACTORS: dict[str, tuple[str, ...]] = {
    "constant": ("factor = 1.0",),
    "cosine": ("factor = 0.5 * (1 + math.cos(math.pi * t))",),
    "one_cycle": (
        "if t < 0.3:",
        "    factor = 0.04 + 0.96 * (1 - math.cos(math.pi * t / 0.3)) / 2",
        "else:",
        "    down = (1 + math.cos(math.pi * (t - 0.3) / 0.7)) / 2",
        "    factor = 1e-4 + (1 - 1e-4) * down",
    ),
    "step": ("factor = 0.1 ** math.floor(3 * t)",),
}
"""The learning rate's factor at the share t of the run."""


def has_schedule(subject: Subject) -> bool:
    """Whether the learning rate changes."""
    return subject.plan.schedule != "constant" or subject.plan.warmup > 0


def constants(subject: Subject) -> list[str]:
    """The plan as constants at the top of the training script; what the run did not use is left out."""
    plan, optimizer = subject.plan, subject.plan.optimizer
    is_adam = optimizer.name != "sgd"
    values = {
        "SEED": plan.seed,
        "EPOCHS": plan.epochs,
        "PATIENCE": plan.patience,
        "MIN_DELTA": plan.min_delta or None,
        "TIME_BUDGET": plan.time_budget_s or None,
        "BATCH_SIZE": plan.batch_size,
        "EPOCH_SAMPLES": plan.epoch_samples or None,
        "ACCUMULATE": plan.accumulate if plan.accumulate > 1 else None,
        "LEARNING_RATE": optimizer.learning_rate,
        "WEIGHT_DECAY": decay(subject) or None,
        "BETAS": (optimizer.beta1, optimizer.beta2) if is_adam else None,
        "EPSILON": optimizer.epsilon if is_adam else None,
        "MOMENTUM": None if is_adam else optimizer.momentum,
        "CLIP": optimizer.clip or None,
        "WARMUP": plan.warmup or None,
        "EMA": plan.ema or None,
    }
    return [f"{name} = {value!r}" for name, value in values.items() if value is not None]


def decay(subject: Subject) -> float:
    """The decoupled decay; plain Adam has none."""
    optimizer = subject.plan.optimizer
    return 0.0 if optimizer.name == "adam" else optimizer.weight_decay


def batch_lines(subject: Subject) -> list[str]:
    """`batches`."""
    return keep(_BATCHES, limited=bool(subject.plan.epoch_samples), accumulated=subject.plan.accumulate > 1)


def factor_lines(subject: Subject, share: str) -> list[str]:
    """The body of a function of the step that gives the factor of the learning rate; `share` is the source of t."""
    lines = [f"t = {share} / total_steps", *FACTORS[subject.plan.schedule]]
    if subject.plan.warmup > 0:
        lines.append("factor *= min(1.0, (t * total_steps + 1) / (WARMUP * total_steps))")
    return fill([*lines, "return factor"])
