"""The source of the closed form: ridge regression over every window, in NumPy."""

from __future__ import annotations

from ambidex.eject.subject import Framework, Subject
from ambidex.eject.text import fill, keep
from ambidex.training.ridge import PENALTIES

_SOLVE = '''
def solve(train, validation):
    """The linear map (window, horizon) and its offset with the least squared error.

    Minimises |y - x K - b|^2 + penalty |K|^2, the penalty chosen on validation.
    """
    count, total, second = moments(train)
    mean = total / count
    centered = second - count * np.outer(mean, mean)
    values, vectors = np.linalg.eigh(centered[:WINDOW, :WINDOW])
    along = vectors.T @ centered[:WINDOW, WINDOW:]
    size = max(values.sum() / WINDOW, 1e-300)
    checked = moments(validation)
    found = []
    for penalty in PENALTIES:
        damped = (np.maximum(values, 0.0) + penalty * size)[:, None]
        kernel = vectors @ (along / damped)
        bias = mean[WINDOW:] - mean[:WINDOW] @ kernel
        found.append((squared_error(checked, kernel, bias), kernel, bias))
    _, kernel, bias = min(found, key=lambda solution: solution[0])
    return kernel.astype(np.float32), bias.astype(np.float32)


def moments(windows):
    """How many windows z = (history, future) there are, their sum and the sum of z z'."""
    count, total, second = 0, 0.0, 0.0
    for numbers in np.array_split(np.arange(len(windows)), len(windows) // 1024 + 1):
        (history,), future = windows[numbers][:2]
        targets = future.shape[-1]
        z = np.concatenate([history[:, :, :targets], future], axis=1).astype(np.float64)
        z = z.transpose(0, 2, 1).reshape(-1, WINDOW + HORIZON)
        count += len(z)
        total = total + z.sum(axis=0)
        second = second + z.T @ z
    return count, total, second


def squared_error(sums, kernel, bias):
    """The squared error of a map over all windows, from their moments."""
    count, total, second = sums
    residual = np.vstack([kernel, -np.eye(len(bias))])
    squares = np.sum(residual * (second @ residual))
    return squares + 2 * (total @ residual) @ bias + count * (bias @ bias)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="the CSV file that the model was trained on")
    parser.add_argument("validation", help="the CSV file that it was validated on")  #? file
    parser.add_argument("--output", default="trained.@suffix@")
    args = parser.parse_args()
    train, validation = load_samples(args.data, args.validation)  #? file
    train, validation = load_samples(args.data)  #? not file
    kernel, bias = solve(train, validation)
@save@
'''
_SAVES: dict[str, str] = {
    "torch": """
    weight = torch.from_numpy(kernel.T.copy())
    state = {"linear.weight": weight, "linear.bias": torch.from_numpy(bias)}
    save_file(state, args.output)
""",
    "keras": """
    np.savez(args.output, **{"linear/0": kernel, "linear/1": bias})
""",
}


def solve_lines(subject: Subject, framework: Framework) -> list[str]:
    """The whole of `train.py` for a model that is solved."""
    is_file = isinstance(subject.experiment.validation, str)
    suffix = {"torch": "safetensors", "keras": "npz"}[framework]
    penalties = ", ".join(f"{penalty:g}" for penalty in PENALTIES)
    lines = [f"PENALTIES = [{penalties}]", "", ""]
    return [*lines, *fill(keep(_SOLVE, file=is_file), suffix=suffix, save=_SAVES[framework].strip("\n"))]
