"""The training script in PyTorch: the loop that was run, written out."""

from __future__ import annotations

from ambidex.eject.run import PLOT, batch_lines, constants, decay, factor_lines, has_schedule
from ambidex.eject.subject import Subject
from ambidex.eject.text import call, fill, indented, keep

_OPTIMIZER = '''
def make_optimizer(model):
    """@name@@decays@."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [  #? decay
        {"params": [w for w in trained if w.ndim > 1], "weight_decay": WEIGHT_DECAY},  #? decay
        {"params": [w for w in trained if w.ndim < 2], "weight_decay": 0.0},  #? decay
    ]  #? decay
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)  #? adam and decay
    return torch.optim.Adam(trained, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)  #? adam and not decay
    return torch.optim.SGD(trained, lr=LEARNING_RATE, momentum=MOMENTUM)  #? not adam
'''
_DECAY = '''
def shrink(model, learning_rate):
    """Decoupled weight decay: PyTorch's SGD would add it to the gradient instead."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad and weight.ndim > 1:
                weight.mul_(1 - learning_rate * WEIGHT_DECAY)
'''
_LOSS = '''
def loss_of(model, batch, device):
    """The mean loss of a batch@weighted@, and what it counts for."""
    inputs, target = batch  #? not weight
    inputs, target, weight = batch  #? weight
    predicted = model(*(value.to(device) for value in inputs)).float()
    target = target.to(device)
@value@
    weight = weight.to(device)  #? weight
    return (losses * weight).sum() / weight.sum(), weight.sum()  #? weight
    return loss, len(target)  #? not weight
'''
LOSSES: dict[str, tuple[str, str]] = {
    "binary": ("F.binary_cross_entropy_with_logits", "predicted[:, 0], target.float()"),
    "multiclass": ("F.cross_entropy", "predicted, target"),
    "mse": ("F.mse_loss", "predicted, target"),
    "mae": ("F.l1_loss", "predicted, target"),
    "huber": ("F.huber_loss", "predicted, target"),
}
"""PyTorch's own function for each loss, and what it takes."""

_QUANTILE = '''
def quantile_losses(predicted, target):
    """The pinball loss of every level, which lie one after the other."""
    losses = 0.0
    for place, level in enumerate(QUANTILES):
        columns = slice(place * target.shape[-1], (place + 1) * target.shape[-1])
        error = target - predicted[..., columns]
        losses = losses + torch.maximum(level * error, (level - 1) * error)
    return losses / len(QUANTILES)
'''
_EVALUATE = '''
def evaluate(model, samples, device):
    """The mean loss of all samples, in float32 and without dropout."""
    loader = DataLoader(samples, sampler=in_order(samples), batch_size=None)
    model.eval()
    with torch.inference_mode():
        found = [loss_of(model, batch, device) for batch in loader]
    total = sum(float(share) for _, share in found)
    return sum(float(loss) * float(share) for loss, share in found) / total


def in_order(samples):
    """Numbers of all samples in batches of up to 4096."""
    return np.split(np.arange(len(samples)), range(4096, len(samples), 4096))
'''
_STATE = '''
def state_of(model@averages@):
    """A copy of the weights on the CPU@averaged@."""
    state = model.state_dict()  #? not ema
    state = model.state_dict() | means  #? ema
    return {name: value.detach().cpu().clone() for name, value in state.items()}
'''
_EPOCH = '''
def train_epoch(model, loader, optimizer, @rest@):
    """One pass over the batches; the loss of each."""
    losses, device = [], next(model.parameters()).device
    model.train()
    optimizer.zero_grad(set_to_none=True)
    for number, batch in enumerate(loader, start=1):  #? accumulated
    for batch in loader:  #? not accumulated
        with mixed:
            loss, _ = loss_of(model, batch, device)
        losses.append(loss.item())
        scaler.scale(loss / ACCUMULATE).backward()  #? accumulated
        scaler.scale(loss).backward()  #? not accumulated
        if number % ACCUMULATE:  #? accumulated
            continue  #? accumulated
        scaler.unscale_(optimizer)  #? clip
        trained = [weight for weight in model.parameters() if weight.requires_grad]  #? clip
        torch.nn.utils.clip_grad_norm_(trained, CLIP)  #? clip
        shrink(model, optimizer.param_groups[0]["lr"])  #? shrink
        scaler.step(optimizer)
        scaler.update()
        schedule.step()  #? schedule
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():  #? ema
            for name, weight in model.named_parameters():  #? ema
                if name in means:  #? ema
                    means[name].lerp_(weight, 1 - EMA)  #? ema
    return losses


def autocast(device, precision):
    """Mixed precision where it was asked for: matrix products in 16 bits."""
    dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
'''
_FIT = '''
def fit(train, validation, epochs=EPOCHS, precision="@precision@", resume=None):
    """Trains as the run did; returns the best epoch's weights and the history."""
    device = torch.device(@device@)
    torch.set_num_threads(@threads@)  #? threads
    torch.use_deterministic_algorithms(True)  #? deterministic
    torch.set_float32_matmul_precision("high")  #? tf32
    model = Network().to(device)
    model.load_state_dict(load_file(HERE / "initial.safetensors"))
    means = {  #? ema
        name: weight.detach().clone()  #? ema
        for name, weight in model.named_parameters()  #? ema
        if weight.requires_grad  #? ema
    }  #? ema
    optimizer = make_optimizer(model)
    mixed = autocast(device, precision)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
    total_steps = epochs * len(batches(len(train), 1))  #? schedule
    schedule = torch.optim.lr_scheduler.LambdaLR(  #? schedule
        optimizer, lambda update: learning_rate_factor(update, total_steps)  #? schedule
    )  #? schedule
    loss = evaluate_best(model, validation, device@averages@)  #? ema
    loss = evaluate(model, validation, device)  #? not ema
    history = {"steps": [], "epochs": [loss]}
    best = state_of(model@averages@)
    if resume and Path(resume).exists():
        saved = torch.load(resume, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        scaler.load_state_dict(saved["scaler"])
        schedule.load_state_dict(saved["schedule"])  #? schedule
        means = saved["means"]  #? ema
        history, best = saved["history"], saved["best"]
    started = monotonic()  #? budget
    for epoch in range(len(history["epochs"]), epochs + 1):
        # Dropout draws from a stream that follows from seed and epoch.
        stream = np.random.SeedSequence([SEED, epoch])
        torch.manual_seed(int(stream.generate_state(1)[0]))
        loader = DataLoader(
            train,
            sampler=batches(len(train), epoch),
            batch_size=None,
            generator=torch.Generator(),
        )
        losses = train_epoch(model, loader, optimizer, @rest@)
        history["steps"] += losses
        loss = evaluate_best(model, validation, device@averages@)  #? ema
        loss = evaluate(model, validation, device)  #? not ema
        if loss < min(history["epochs"]):
            best = state_of(model@averages@)
        history["epochs"].append(loss)
        print(f"epoch {epoch}: train {np.mean(losses):.5f}, validation {loss:.5f}")
        if resume:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scaler": scaler.state_dict(),
                "schedule": schedule.state_dict(),  #? schedule
                "means": means,  #? ema
                "history": history,
                "best": best,
            }
            torch.save(state, resume)
        if epochs_since_best(history["epochs"]) >= PATIENCE:
            break
        if monotonic() - started >= TIME_BUDGET:  #? budget
            break  #? budget
    return best, history


def epochs_since_best(losses):
    """How long ago the validation loss last fell@delta@."""
    best, place = losses[0], 0  #? delta
    for number, loss in enumerate(losses):  #? delta
        if loss < best - abs(best) * MIN_DELTA:  #? delta
            best, place = loss, number  #? delta
    return len(losses) - 1 - place  #? delta
    return len(losses) - 1 - int(np.argmin(losses))  #? not delta
'''
_AVERAGED = '''
def evaluate_best(model, samples, device, means):
    """The mean loss under the averaged weights, which are what is kept."""
    trained = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(trained | means)
    loss = evaluate(model, samples, device)
    model.load_state_dict(trained)
    return loss
'''
_MAIN = """
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the CSV file that the model was trained on")
    parser.add_argument("validation", help="the CSV file that it was validated on")  #? file
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--precision",
        default="@precision@",
        choices=["float32", "tf32", "bfloat16", "float16"],
    )
    parser.add_argument("--output", default="trained.safetensors")
    parser.add_argument("--history", default="history.json")
    parser.add_argument("--checkpoint", help="a file to save to, and to resume from")
    parser.add_argument("--plot", help="an image of the losses")
    args = parser.parse_args()
    train, validation = load_samples(args.data, args.validation)  #? file
    train, validation = load_samples(args.data)  #? not file
    options = args.epochs, args.precision, args.checkpoint
    best, history = fit(train, validation, *options)
    save_file(best, args.output)
    Path(args.history).write_text(json.dumps(history))
    if args.plot:
        plot(history["epochs"], args.plot)
"""


def train_lines(subject: Subject) -> list[str]:
    """The whole of `train.py` but for its imports and its last lines."""
    plan = subject.plan
    conditions = _conditions(subject)
    values = _values(subject)
    lines = constants(subject)
    if subject.loss == "quantile":
        lines.append(f"QUANTILES = {list(subject.task.quantiles) or [0.1, 0.5, 0.9]!r}")
    parts = [batch_lines(subject), keep(_OPTIMIZER, **conditions)]
    parts += [keep(_DECAY)] if conditions["shrink"] else []
    parts += [_schedule_lines(subject)] if conditions["schedule"] else []
    parts += [keep(_QUANTILE)] if subject.loss == "quantile" else []
    parts += [_loss_lines(subject), keep(_EVALUATE)]
    parts += [keep(_AVERAGED)] if plan.ema else []
    parts += [keep(text, **conditions) for text in (_STATE, _EPOCH, _FIT, _MAIN + PLOT)]
    for part in parts:
        lines += ["", "", *fill(part, **values)]
    return lines


def _conditions(subject: Subject) -> dict[str, bool]:
    plan = subject.plan
    is_adam = plan.optimizer.name != "sgd"
    return {
        "adam": is_adam,
        "decay": is_adam and decay(subject) > 0,
        "shrink": not is_adam and decay(subject) > 0,
        "schedule": has_schedule(subject),
        "weight": subject.has_weight,
        "accumulated": plan.accumulate > 1,
        "clip": plan.optimizer.clip > 0,
        "ema": plan.ema > 0,
        "threads": plan.threads > 0,
        "deterministic": plan.is_deterministic,
        "tf32": plan.precision == "tf32",
        "budget": plan.time_budget_s > 0,
        "delta": plan.min_delta > 0,
        "file": isinstance(subject.experiment.validation, str),
    }


def _values(subject: Subject) -> dict[str, str]:
    plan = subject.plan
    more = [*(["schedule"] if has_schedule(subject) else []), *(["means"] if plan.ema else [])]
    asked = '"cuda" if torch.cuda.is_available() else "cpu"' if plan.device == "auto" else f'"{plan.device}"'
    has_decay = decay(subject) > 0
    title = "SGD" if plan.optimizer.name == "sgd" else "AdamW" if has_decay else "Adam"
    return {
        "name": title,
        "decays": "; biases and other vectors do not decay" if title == "AdamW" else "",
        "weighted": ", by weight" if subject.has_weight else "",
        "averages": ", means" if plan.ema else "",
        "averaged": ", averages where they are kept" if plan.ema else "",
        "rest": ", ".join(["scaler", "mixed", *more]),
        "precision": plan.precision,
        "device": asked,
        "threads": str(plan.threads),
        "delta": " by more than MIN_DELTA of it" if plan.min_delta else "",
    }


def _loss_lines(subject: Subject) -> list[str]:
    has_weight = subject.has_weight
    if subject.loss == "quantile":
        value = ["losses = quantile_losses(predicted, target)"]
        value.append("losses = losses.flatten(1).mean(dim=1)" if has_weight else "loss = losses.mean()")
    else:
        name = subject.task.kind if subject.loss == "cross_entropy" else subject.loss
        function, arguments = LOSSES[name]
        value = call(f"loss = {function}", [arguments], at=4)
        if has_weight:
            value = call(f"losses = {function}", [arguments, 'reduction="none"'], at=4)
            value += ["losses = losses.flatten(1).mean(dim=1)"] if name not in ("binary", "multiclass") else []
    lines = keep(_LOSS, weight=has_weight)
    place = lines.index("@value@")
    return [*lines[:place], *indented(value), *lines[place + 1 :]]


def _schedule_lines(subject: Subject) -> list[str]:
    step = "update" if subject.plan.accumulate == 1 else "(update * ACCUMULATE + ACCUMULATE - 1)"
    return [
        "def learning_rate_factor(update, total_steps):",
        '    """What the learning rate is multiplied by at an update."""',
        *indented(factor_lines(subject, step)),
    ]
