"""The training script in Keras: `compile` and `fit` with callbacks, and the run's own optimizer equation."""

from __future__ import annotations

from ambidex.eject.run import PLOT, batch_lines, constants, decay, factor_lines, has_schedule
from ambidex.eject.subject import Subject
from ambidex.eject.text import fill, indented, keep

_BATCHES = '''
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
    """A batch as Keras takes it@shares@."""
    inputs, target, weight = batch  #? weight
    inputs, target = batch  #? not weight
    weight = weight * (len(weight) / weight.sum())  #? weight
    return @inputs@, target, weight@axes@  #? weight
    return @inputs@, target  #? not weight
'''
_ADAM = '''
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
'''
_SGD = '''
class SGD(keras.optimizers.Optimizer):
    """PyTorch's: the learning rate is no part of the momentum, where Keras has it in."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = [
            self.add_variable_from_reference(variable, "velocity")
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        moved = keras.ops.add(gradient, keras.ops.multiply(velocity, MOMENTUM))
        self.assign(velocity, moved)
        self.assign_sub(variable, keras.ops.multiply(learning_rate, velocity))
'''
_MAKE = '''
def make_optimizer(model@total@):
    """@title@ as the run used it@decays@."""
    optimizer = @class@(
        learning_rate=LEARNING_RATE,  #? not schedule
        learning_rate=Schedule(total_steps),  #? schedule
        weight_decay=WEIGHT_DECAY,  #? decay
        global_clipnorm=CLIP,  #? clip
        gradient_accumulation_steps=ACCUMULATE,  #? accumulated
        use_ema=True,  #? ema
        ema_momentum=EMA,  #? ema
        name="@lower@",
    )
    vectors = [  #? decay
        weight  #? decay
        for weight in model.trainable_weights  #? decay
        if weight.name == "bias" or len(weight.shape) < 2  #? decay
    ]  #? decay
    optimizer.exclude_from_weight_decay(var_list=vectors)  #? decay
    return optimizer
'''
_SCHEDULE = '''
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step."""

    def __init__(self, total_steps):
        rates = [factor(step, total_steps) for step in range(total_steps)]
        self.rates = (LEARNING_RATE * np.array(rates)).astype(np.float32)

    def __call__(self, step):
        return keras.ops.take(self.rates, keras.ops.cast(step, "int32"))


def factor(step, total_steps):
    """What the learning rate is multiplied by at a step."""
'''
_QUANTILE = '''
def quantile_loss(target, predicted):
    """The pinball loss of every level, which lie one after the other."""
    losses = 0.0
    for place, level in enumerate(QUANTILES):
        columns = slice(place * target.shape[-1], (place + 1) * target.shape[-1])
        error = target - predicted[..., columns]
        losses += keras.ops.maximum(level * error, (level - 1) * error)
    return keras.ops.mean(losses, axis=-1) / len(QUANTILES)
'''
LOSSES: dict[str, str] = {
    "binary": "keras.losses.BinaryCrossentropy(from_logits=True)",
    "multiclass": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    "mse": "keras.losses.MeanSquaredError()",
    "mae": "keras.losses.MeanAbsoluteError()",
    "huber": "keras.losses.Huber()",
    "quantile": "quantile_loss",
}
"""Keras's own loss for each of ours."""

_FIT = '''
class StepLosses(keras.callbacks.Callback):
    """The loss of every step, from the running means that Keras reports."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(float(total - self.total) if batch else float(total))
        self.total = total


def fit(train, validation, epochs=EPOCHS, precision="@precision@", checkpoint=None):
    """Trains as the run did; returns the model with the best epoch's weights."""
    keras.utils.set_random_seed(SEED)
    if precision in ("bfloat16", "float16"):
        keras.mixed_precision.set_dtype_policy(f"mixed_{precision}")
    model = build_model()
    load_weights(model, HERE / "initial.npz")
    training = Batches(train)
    optimizer = make_optimizer(model@given@)
    loss = @loss@
    model.compile(optimizer, loss=loss)
    whole = for_keras(validation[np.arange(len(validation))])
    untrained = model.evaluate(*whole[:2], 4096, sample_weight=whole[2], verbose=0)  #? weight
    untrained = model.evaluate(*whole, 4096, verbose=0)  #? not weight
    initial = model.get_weights()
    steps = StepLosses()
    stopping = keras.callbacks.EarlyStopping(
        patience=PATIENCE, baseline=untrained, restore_best_weights=True
    )
    order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: training.draw(epoch + 1)
    )
    callbacks = [order, steps, stopping]  #? not ema
    # The average of the weights is what is validated and kept.  #? ema
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)  #? ema
    callbacks = [order, swap, steps, stopping]  #? ema
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
        choices=["float32", "bfloat16", "float16"],
    )
    parser.add_argument("--output", default="trained.weights.h5")
    parser.add_argument("--history", default="history.json")
    parser.add_argument("--checkpoint", help="a .weights.h5 file for the best epoch")
    parser.add_argument("--plot", help="an image of the losses")
    args = parser.parse_args()
    train, validation = load_samples(args.data, args.validation)  #? file
    train, validation = load_samples(args.data)  #? not file
    options = args.epochs, args.precision, args.checkpoint
    model, history = fit(train, validation, *options)
    model.save_weights(args.output)
    Path(args.history).write_text(json.dumps(history))
    if args.plot:
        plot(history["epochs"], args.plot)
"""


def train_lines(subject: Subject) -> list[str]:
    """The whole of `train.py` but for its imports and its last lines."""
    plan = subject.plan
    conditions = {
        "schedule": has_schedule(subject),
        "decay": decay(subject) > 0,
        "weight": subject.has_weight,
        "accumulated": plan.accumulate > 1,
        "clip": plan.optimizer.clip > 0,
        "ema": plan.ema > 0,
        "file": isinstance(subject.experiment.validation, str),
    }
    lines = constants(subject)
    if subject.loss == "quantile":
        lines.append(f"QUANTILES = {list(subject.task.quantiles) or [0.1, 0.5, 0.9]!r}")
    parts = [batch_lines(subject), keep(_BATCHES, **conditions)]
    parts.append(keep(_SGD if plan.optimizer.name == "sgd" else _ADAM))
    if conditions["schedule"]:
        parts.append([*keep(_SCHEDULE), *indented(factor_lines(subject, "step"))])
    parts.append(keep(_MAKE, **conditions))
    parts += [keep(_QUANTILE)] if subject.loss == "quantile" else []
    parts += [keep(_FIT, **conditions), keep(_MAIN + PLOT, **conditions)]
    values = _values(subject)
    for part in parts:
        lines += ["", "", *fill(part, **values)]
    return lines


def _values(subject: Subject) -> dict[str, str]:
    name = subject.plan.optimizer.name
    has_one = len(subject.graph.prepared) == 1
    has_decay = decay(subject) > 0
    loss = subject.task.kind if subject.loss == "cross_entropy" else subject.loss
    tf32 = subject.plan.precision == "tf32"
    return {
        "shares": "; weights are shares of the batch, as the run's mean has them" if subject.has_weight else "",
        "inputs": "inputs[0]" if has_one else "tuple(inputs)",
        "axes": "[:, None]" if subject.is_series else "",
        "class": "SGD" if name == "sgd" else "AdamW",
        "title": {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}[name],
        "lower": name,
        "decays": "; biases and other vectors do not decay" if has_decay else "",
        "total": ", total_steps" if has_schedule(subject) else "",
        "given": ", epochs * len(training)" if has_schedule(subject) else "",
        "precision": "float32" if tf32 else subject.plan.precision,
        "loss": LOSSES[loss],
    }
