"""Seconds to write an ONNX file: ambidex, torch.onnx.export of the same network, and Keras's export(format="onnx").

Each exporter runs in a process of its own that has loaded what it needs; the second export is timed too, since the
first one of PyTorch compiles. Every file is then run in onnxruntime on two batch sizes, and on a second length of
history where the network has a free time axis, beside float64 NumPy: seconds of a file that answers wrongly are worth
nothing. `--python torch=PATH` names an interpreter that has onnxscript, which torch.onnx.export needs and PyTorch does
not bring.

Run: python benchmarks/export_seconds.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ambidex.export.onnx import export_onnx
from ambidex.graph import Builder, Graph, Value, initial_weights, run_network
from ambidex.runtime.session import silence_telemetry

ROOT = Path(__file__).resolve().parent.parent
WINDOW, OTHER_WINDOW = 48, 20
RIGHT = 1e-4
"""What an answer of about one may differ by; wrong translations differ by hundredths and more."""
TIMEOUT_S = 900

Arrays = dict[str, Any]


def feed_forward() -> Graph:
    """Twenty numbers and a code with an embedding through two layers of 128."""
    b = Builder(
        [Value(name="numbers", dtype="float64", shape=("B", 20)), Value(name="codes", dtype="int64", shape=("B", 1))]
    )
    x = b.add("prepare", "x", "cast", "numbers", dtype="float32")
    embedded = b.add("network", "embedding", "embedding", "codes", count=50, width=8)
    h = b.add("network", "joined", "concat", x, b.add("network", "flat", "reshape", embedded, shape=(8,)))
    for layer in range(2):
        dense = b.add("network", f"blocks.{layer}.dense", "dense", h, units=128)
        h = b.add("network", f"blocks.{layer}.activation", "relu", dense)
    head = b.add("network", "head", "dense", h, units=1)
    return b.build(prepared=[x, "codes"], raw_outputs=[head], outputs={"y": head})


def recurrent(op: str, *, is_bidirectional: bool = False) -> Callable[[], Graph]:
    """Two layers of 64 over windows of five columns."""

    def build() -> Graph:
        b = Builder([Value(name="numbers", dtype="float64", shape=("B", "T", 5))])
        x = b.add("prepare", "x", "cast", "numbers", dtype="float32")
        both = {"is_bidirectional": True} if is_bidirectional else {}
        h = b.add("network", f"{op}.0", op, x, units=64, returns_sequence=True, **both)
        head = b.add("network", "head", "dense", b.add("network", f"{op}.1", op, h, units=64, **both), units=8)
        return b.build(prepared=[x], raw_outputs=[head], outputs={"y": head})

    return build


GRAPHS: dict[str, Callable[[], Graph]] = {
    "mlp": feed_forward,
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru"),
    "bidirectional lstm": recurrent("lstm", is_bidirectional=True),
    "bidirectional gru": recurrent("gru", is_bidirectional=True),
}


def examples(graph: Graph) -> list[Arrays]:
    """Prepared values in batches of 1 and 3, and in a second length where time is free."""
    rng = np.random.default_rng(2)
    batches = []
    for rows in (1, 3):
        if graph.prepared[-1] == "codes":
            x = rng.normal(size=(rows, 20)).astype(np.float32)
            batches.append({"x": x, "codes": rng.integers(0, 50, (rows, 1))})
        else:
            batches += [{"x": rng.normal(size=(rows, steps, 5)).astype(np.float32)} for steps in (WINDOW, OTHER_WINDOW)]
    return batches


def by_ambidex(graph: Graph, weights: Arrays, path: Path) -> Callable[[], object]:
    import onnx  # noqa: F401 - loaded before the clock starts, as the frameworks are

    return lambda: path.write_bytes(export_onnx(graph, weights, metadata={}))


def by_torch(graph: Graph, weights: Arrays, path: Path) -> Callable[[], object]:
    import torch

    from ambidex.backends.torch.native import network

    module = network(graph, weights)
    example = next(batch for batch in examples(graph) if len(batch["x"]) > 1)
    tensors = tuple(torch.from_numpy(np.asarray(example[name])) for name in graph.prepared)
    free = {0: torch.export.Dim("batch")}
    shapes = tuple(free for _ in tensors)
    names = list(graph.prepared)
    return lambda: torch.onnx.export(module, tensors, path, input_names=names, dynamic_shapes=shapes, dynamo=True)


def by_keras(graph: Graph, weights: Arrays, path: Path) -> Callable[[], object]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from ambidex.backends.keras.native import network

    model = network(graph, weights)
    example = examples(graph)[0]
    model([example[name] for name in graph.prepared])  # an export asks for a model that has been called
    return lambda: model.export(path, format="onnx", verbose=False)


EXPORTERS: dict[str, Callable[[Graph, Arrays, Path], Callable[[], object]]] = {
    "ambidex": by_ambidex,
    "torch": by_torch,
    "keras": by_keras,
}


def time_one(exporter: str, name: str) -> dict[str, Any]:
    """Seconds of the first and of the second export, and what came of the file."""
    graph = GRAPHS[name]()
    weights = initial_weights(graph, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export = EXPORTERS[exporter](graph, weights, path)
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            export()
            seconds.append(time.perf_counter() - began)
        return {"first_s": seconds[0], "second_s": seconds[1], "answers": check(graph, weights, path)}


def check(graph: Graph, weights: Arrays, path: Path) -> str:
    """Whether the file answers as NumPy does, or how it fails."""
    silence_telemetry()
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    ports = session.get_inputs()
    largest = 0.0
    for prepared in examples(graph):
        named = {"numbers": prepared["x"].astype(np.float64), **prepared}
        exact = run_network(graph, prepared, weights)["head"]
        feeds = {port.name: feed(port, named, graph) for port in ports}
        shape = "x".join(map(str, prepared["x"].shape[:-1]))
        try:
            found = session.run(None, feeds)[0]
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the finding
            return f"refuses {shape}: {str(error).splitlines()[0][:70]}"
        if found.shape != exact.shape:
            return f"shape {found.shape} for {exact.shape}"
        largest = max(largest, float(np.abs(found - exact).max()))
    return f"right, {largest:.0e}" if largest <= RIGHT else f"WRONG by {largest:.0e}"


def feed(port: Any, named: Arrays, graph: Graph) -> Any:
    """The array for an input: by its name, or the only one there is."""
    array = named[port.name if port.name in named else graph.prepared[0]]
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
    return array.astype(kinds[port.type]) if port.type in kinds else array


def measure(exporter: str, name: str, python: str) -> dict[str, Any]:
    """The result of a process of its own, or its last line."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, "-W", "ignore", __file__, "--one", exporter, name]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"answers": f"no end after {TIMEOUT_S} s"}
    if done.returncode:
        return {"answers": f"raises {(done.stderr.strip().splitlines() or ['nothing'])[-1][:90]}"}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("EXPORTER", "GRAPH"), help="measure one of them in this process")
    parser.add_argument("--python", nargs="*", default=[], metavar="EXPORTER=PATH")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "benchmarks" / "out" / "export_seconds.json")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(time_one(*args.one)))
        return
    pythons = dict(pair.split("=", 1) for pair in args.python)
    results: dict[str, dict[str, Any]] = {}
    print("| network | exporter | first s | second s | answers |\n|---|---|---|---|---|")
    for name in GRAPHS:
        for exporter in EXPORTERS:
            result = measure(exporter, name, pythons.get(exporter, sys.executable))
            results.setdefault(name, {})[exporter] = result
            seconds = [f"{result[key]:.3f}" if key in result else "" for key in ("first_s", "second_s")]
            print(f"| {name} | {exporter} | {seconds[0]} | {seconds[1]} | {result['answers']} |", flush=True)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
