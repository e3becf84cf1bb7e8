"""Predicts income with mlp in Keras.

python tabular_ann_keras.py train DATA.csv
python tabular_ann_keras.py predict DATA.csv
"""

import argparse
import csv
import gzip
import io
import json
import math
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent
LEARNT = json.loads((HERE / "preparation.json").read_text(encoding="utf-8"))
SEED = 0


# The network


def block(x, name):
    x = layers.Dense(128, name=f"{name}_dense")(x)
    x = layers.Activation("silu")(x)
    return layers.Dropout(0.05)(x)


def build_model():
    """mlp for income."""
    features = keras.Input((6,), name="features")
    codes = keras.Input((8,), dtype="int32", name="codes")
    sizes = [(10, 6), (18, 8), (9, 5), (16, 8), (8, 5), (7, 5), (4, 3), (43, 13)]
    vectors = [
        layers.Embedding(count, width, name=f"embeddings_{i}")(codes[:, i : i + 1])
        for i, (count, width) in enumerate(sizes)
    ]
    x = layers.Concatenate()(vectors)
    x = layers.Flatten()(x)
    x = layers.Concatenate()([features, x])
    for i in range(2):
        x = block(x, name=f"blocks_{i}")
    x = layers.Dense(1, name="head")(x)
    return keras.Model([features, codes], x)


def load_weights(model, path):
    """Fills a model from an .npz file, `<layer>/<number>` for each array of a layer."""
    if not str(path).endswith(".npz"):
        model.load_weights(path)
        return
    arrays = np.load(path)
    for layer in model.layers:
        for place, weight in enumerate(layer.weights):
            weight.assign(arrays[f"{layer.name}/{place}"].reshape(weight.shape))


# The data: from a CSV file to NumPy arrays, and back to answers

NUMBERS = [
    "age",
    "fnlwgt",
    "education_num",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
]
FEATURES = [
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
]
CLASSES = ["<=50K", ">50K"]
MISSING = ["", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "nat"]
TEXTS = [
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
    "income",
]


def read_table(path):
    """The columns of a CSV file (also .gz) by name, as texts."""
    open_file = gzip.open if str(path).endswith(".gz") else open
    with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
        text = file.read()
    header = text[: text.find("\n")]
    delimiter = max(",;\t|", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names, *rows = (row for row in rows if row)
    return dict(zip((name.strip() for name in names), zip(*rows)))


def number(text):
    """A number; NaN for an empty cell and the words that mean one."""
    text = text.strip()
    return float("nan") if text.lower() in MISSING else float(text)


def column(table, name):
    """A column, typed: numbers as float64, texts as they are, times in microseconds."""
    if name not in table:
        sys.exit(f"Expected a column {name!r}, got {', '.join(table)}.")
    cells = table[name]
    if name in TEXTS:
        return np.array([cell.strip() for cell in cells], dtype=object)
    return np.array([number(cell) for cell in cells])


def pack(table):
    """The columns that the model reads, packed by kind."""
    return {
        "numbers": np.stack([column(table, name) for name in NUMBERS], axis=-1),
        "texts": np.stack([column(table, name) for name in FEATURES], axis=-1),
    }


def lookup(texts, vocabularies):
    """Codes of texts: 0 for a missing one, 1 for one that training had not seen."""
    codes = np.empty(texts.shape, dtype=np.int64)
    for column, words in enumerate(vocabularies):
        code_of = {word: code for code, word in enumerate(words, start=2)} | {"": 0}
        codes[:, column] = [code_of.get(text, 1) for text in texts[:, column]]
    return codes


def prepare(numbers, texts):
    """From raw columns to what the network reads."""
    imputed = np.where(np.isnan(numbers), LEARNT["imputed"]["fill"], numbers)
    scaled = (imputed - LEARNT["scaled"]["center"]) / LEARNT["scaled"]["scale"]
    clipped = scaled / np.sqrt(1 + (scaled / 3.0) ** 2)
    codes = lookup(texts, LEARNT["codes"]["vocabularies"])
    features = clipped.astype(np.float32)
    return {"features": features, "codes": codes}


def decode(raw):
    """From what the network answers to the answers asked for."""
    raw = raw.astype(np.float64)
    probabilities = np.exp(-np.logaddexp(0, np.concatenate([raw, -raw], axis=-1)))
    decision = (probabilities[..., 1] >= 0.5).astype(np.int64)
    label = np.array(CLASSES)[decision]
    return {"income": label, "income_probabilities": probabilities}


def read_target(table):
    """The position of each row's class; -1 where it has none."""
    code_of = {label: code for code, label in enumerate(CLASSES)}
    labels = column(table, "income")
    return np.array([code_of.get(label, -1) for label in labels])


def split(classes):
    """Which rows to validate on: the same share of every class, drawn from the seed."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    total = min(max(round(len(codes) * 0.2), 1), len(codes) - 1)
    ideal = counts * (total / counts.sum())
    taken = np.minimum(np.floor(ideal).astype(np.int64), counts - 1)
    for place in np.argsort(np.floor(ideal) - ideal, kind="stable"):
        if taken.sum() < total and taken[place] < counts[place] - 1:
            taken[place] += 1
    order = np.random.default_rng(SEED).permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    rank = np.empty(len(codes), dtype=np.int64)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    rank[by_class] = np.arange(len(codes)) - before
    return rank < taken[codes]


class Samples:
    """Rows ready for the network: samples[rows] is a batch of (inputs, target)."""

    def __init__(self, inputs, target):
        self.inputs, self.target = inputs, target

    def __len__(self):
        return len(self.target)

    def __getitem__(self, rows):
        inputs = [values[rows] for values in self.inputs]
        return inputs, self.target[rows]


def load_samples(path):
    """Samples to train on and to validate on, split as the run split them."""
    table = read_table(path)
    target = read_target(table)
    rows = np.flatnonzero(target >= 0)
    is_validation = split(target[rows])
    return (
        make_samples(table, target, rows[~is_validation], is_training=True),
        make_samples(table, target, rows[is_validation]),
    )


def make_samples(table, target, rows, is_training=False):
    """The samples of some rows, some categories hidden in those to train on."""
    values = prepare(**{name: array[rows] for name, array in pack(table).items()})
    if is_training:
        values["codes"] = mask_codes(values["codes"])
    inputs = [values["features"], values["codes"]]
    return Samples(inputs, target[rows])


def mask_codes(codes):
    """Hides a few known categories, so that the codes 0 and 1 are trained too."""
    draw = np.random.default_rng([SEED, 0x6D61736B]).random(codes.shape)
    masked = np.where(draw < 0.02, 1, codes)
    never_missing = ~(codes == 0).any(axis=0)
    return np.where((draw > 1 - 0.02) & never_missing, 0, masked)


# Training

EPOCHS = 10
PATIENCE = 7
BATCH_SIZE = 512
LEARNING_RATE = 0.005
WEIGHT_DECAY = 0.01
BETAS = (0.9, 0.999)
EPSILON = 1e-08


def batches(num_samples, epoch):
    """Numbers of samples, a row per batch, drawn from the seed as the run drew them."""
    count = num_samples
    size = min(BATCH_SIZE, count)
    steps = count // size
    stream = np.random.default_rng([SEED, epoch, 0x6F72646572])
    return stream.permutation(num_samples)[: steps * size].reshape(steps, size)


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
    """A batch as Keras takes it."""
    inputs, target = batch
    return tuple(inputs), target


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


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step."""

    def __init__(self, total_steps):
        rates = [factor(step, total_steps) for step in range(total_steps)]
        self.rates = (LEARNING_RATE * np.array(rates)).astype(np.float32)

    def __call__(self, step):
        return keras.ops.take(self.rates, keras.ops.cast(step, "int32"))


def factor(step, total_steps):
    """What the learning rate is multiplied by at a step."""
    t = step / total_steps
    factor = 0.5 * (1 + math.cos(math.pi * t))
    return factor


def make_optimizer(model, total_steps):
    """AdamW as the run used it; biases and other vectors do not decay."""
    optimizer = AdamW(
        learning_rate=Schedule(total_steps),
        weight_decay=WEIGHT_DECAY,
        name="adamw",
    )
    vectors = [
        weight
        for weight in model.trainable_weights
        if weight.name == "bias" or len(weight.shape) < 2
    ]
    optimizer.exclude_from_weight_decay(var_list=vectors)
    return optimizer


class StepLosses(keras.callbacks.Callback):
    """The loss of every step, from the running means that Keras reports."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)
        self.losses.append(float(total - self.total) if batch else float(total))
        self.total = total


def fit(train, validation, epochs=EPOCHS, precision="float32", checkpoint=None):
    """Trains as the run did; returns the model with the best epoch's weights."""
    keras.utils.set_random_seed(SEED)
    if precision in ("bfloat16", "float16"):
        keras.mixed_precision.set_dtype_policy(f"mixed_{precision}")
    model = build_model()
    load_weights(model, HERE / "initial.npz")
    training = Batches(train)
    optimizer = make_optimizer(model, epochs * len(training))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss)
    whole = for_keras(validation[np.arange(len(validation))])
    untrained = model.evaluate(*whole, 4096, verbose=0)
    initial = model.get_weights()
    steps = StepLosses()
    stopping = keras.callbacks.EarlyStopping(
        patience=PATIENCE, baseline=untrained, restore_best_weights=True
    )
    order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: training.draw(epoch + 1)
    )
    callbacks = [order, steps, stopping]
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


def train_main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the CSV file that the model was trained on")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--precision",
        default="float32",
        choices=["float32", "bfloat16", "float16"],
    )
    parser.add_argument("--output", default="trained.weights.h5")
    parser.add_argument("--history", default="history.json")
    parser.add_argument("--checkpoint", help="a .weights.h5 file for the best epoch")
    parser.add_argument("--plot", help="an image of the losses")
    args = parser.parse_args()
    train, validation = load_samples(args.data)
    options = args.epochs, args.precision, args.checkpoint
    model, history = fit(train, validation, *options)
    model.save_weights(args.output)
    Path(args.history).write_text(json.dumps(history))
    if args.plot:
        plot(history["epochs"], args.plot)


def plot(losses, path):
    """Draws the validation loss of each epoch."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(losses)
    axes.set(xlabel="epoch", ylabel="validation loss")
    figure.savefig(path)


# Prediction


def load_model(path=HERE / "weights.npz"):
    """The network with its weights, ready to predict."""
    model = build_model()
    load_weights(model, path)
    return model


def run_network(model, inputs):
    """Raw outputs for prepared NumPy arrays."""
    return model.predict(inputs, batch_size=4096, verbose=0)


def write_table(columns, path):
    """Columns as a CSV file, or on the screen."""
    with open(path, "w", newline="") if path else nullcontext(sys.stdout) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def predict(table, model):
    """Answers by name for the columns of a table."""
    values = prepare(**pack(table))
    return decode(run_network(model, [values["features"], values["codes"]]))


def answer_columns(answers):
    """Answers as columns of a CSV file."""
    columns = {}
    for name, values in answers.items():
        if name.endswith("_probabilities"):
            target = name.removesuffix("_probabilities")
            for place, label in enumerate(CLASSES):
                columns[f"{target}_p_{label}"] = values[:, place].tolist()
        else:
            columns[name] = values.tolist()
    return columns


def predict_main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="a CSV file with the columns that the model reads")
    parser.add_argument("-o", "--output", help="where to write; else the screen")
    parser.add_argument("--weights", default=str(HERE / "weights.npz"))
    args = parser.parse_args()
    columns = answer_columns(predict(read_table(args.data), load_model(args.weights)))
    write_table(columns, args.output)


def main():
    commands = {"train": train_main, "predict": predict_main}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv.pop(1)]()


if __name__ == "__main__":
    main()
