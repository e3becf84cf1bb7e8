"""Predicts income with mlp in PyTorch.

python tabular_ann_pytorch.py train DATA.csv
python tabular_ann_pytorch.py predict DATA.csv
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

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import DataLoader

HERE = Path(__file__).parent
LEARNT = json.loads((HERE / "preparation.json").read_text(encoding="utf-8"))
SEED = 0


# The network


class Block(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.dense = nn.Linear(inputs, 128)
        self.activation = nn.SiLU()
        self.dropout = nn.Dropout(0.05)

    def forward(self, x):
        x = self.dense(x)
        x = self.activation(x)
        return self.dropout(x)


class Network(nn.Module):
    """mlp for income."""

    def __init__(self):
        super().__init__()
        sizes = [(10, 6), (18, 8), (9, 5), (16, 8), (8, 5), (7, 5), (4, 3), (43, 13)]
        self.embeddings = nn.ModuleList(nn.Embedding(*size) for size in sizes)
        self.blocks = nn.Sequential(Block(59), Block(128))
        self.head = nn.Linear(128, 1)

    def forward(self, features, codes):
        vectors = [e(codes[:, i : i + 1]) for i, e in enumerate(self.embeddings)]
        x = torch.cat(vectors, dim=-1)
        x = x.flatten(1)
        x = torch.cat([features, x], dim=-1)
        x = self.blocks(x)
        return self.head(x)


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


def make_optimizer(model):
    """AdamW; biases and other vectors do not decay."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in trained if w.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [w for w in trained if w.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)


def learning_rate_factor(update, total_steps):
    """What the learning rate is multiplied by at an update."""
    t = update / total_steps
    factor = 0.5 * (1 + math.cos(math.pi * t))
    return factor


def loss_of(model, batch, device):
    """The mean loss of a batch, and what it counts for."""
    inputs, target = batch
    predicted = model(*(value.to(device) for value in inputs)).float()
    target = target.to(device)
    loss = F.binary_cross_entropy_with_logits(predicted[:, 0], target.float())
    return loss, len(target)


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


def state_of(model):
    """A copy of the weights on the CPU."""
    state = model.state_dict()
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def train_epoch(model, loader, optimizer, scaler, mixed, schedule):
    """One pass over the batches; the loss of each."""
    losses, device = [], next(model.parameters()).device
    model.train()
    optimizer.zero_grad(set_to_none=True)
    for batch in loader:
        with mixed:
            loss, _ = loss_of(model, batch, device)
        losses.append(loss.item())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
    return losses


def autocast(device, precision):
    """Mixed precision where it was asked for: matrix products in 16 bits."""
    dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def fit(train, validation, epochs=EPOCHS, precision="float32", resume=None):
    """Trains as the run did; returns the best epoch's weights and the history."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    model = Network().to(device)
    model.load_state_dict(load_file(HERE / "initial.safetensors"))
    optimizer = make_optimizer(model)
    mixed = autocast(device, precision)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
    total_steps = epochs * len(batches(len(train), 1))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda update: learning_rate_factor(update, total_steps)
    )
    loss = evaluate(model, validation, device)
    history = {"steps": [], "epochs": [loss]}
    best = state_of(model)
    if resume and Path(resume).exists():
        saved = torch.load(resume, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        scaler.load_state_dict(saved["scaler"])
        schedule.load_state_dict(saved["schedule"])
        history, best = saved["history"], saved["best"]
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
        losses = train_epoch(model, loader, optimizer, scaler, mixed, schedule)
        history["steps"] += losses
        loss = evaluate(model, validation, device)
        if loss < min(history["epochs"]):
            best = state_of(model)
        history["epochs"].append(loss)
        print(f"epoch {epoch}: train {np.mean(losses):.5f}, validation {loss:.5f}")
        if resume:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scaler": scaler.state_dict(),
                "schedule": schedule.state_dict(),
                "history": history,
                "best": best,
            }
            torch.save(state, resume)
        if epochs_since_best(history["epochs"]) >= PATIENCE:
            break
    return best, history


def epochs_since_best(losses):
    """How long ago the validation loss last fell."""
    return len(losses) - 1 - int(np.argmin(losses))


def train_main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the CSV file that the model was trained on")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--precision",
        default="float32",
        choices=["float32", "tf32", "bfloat16", "float16"],
    )
    parser.add_argument("--output", default="trained.safetensors")
    parser.add_argument("--history", default="history.json")
    parser.add_argument("--checkpoint", help="a file to save to, and to resume from")
    parser.add_argument("--plot", help="an image of the losses")
    args = parser.parse_args()
    train, validation = load_samples(args.data)
    options = args.epochs, args.precision, args.checkpoint
    best, history = fit(train, validation, *options)
    save_file(best, args.output)
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


def load_model(path=HERE / "weights.safetensors"):
    """The network with its weights, ready to predict."""
    model = Network()
    model.load_state_dict(load_file(path))
    return model.eval()


def run_network(model, inputs):
    """Raw outputs for prepared NumPy arrays."""
    with torch.inference_mode():
        return model(*(torch.from_numpy(value) for value in inputs)).numpy()


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
    parser.add_argument("--weights", default=str(HERE / "weights.safetensors"))
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
