"""`make demo`: a real table, from raw file to answered HTTP request, through the commands that a user would type.

Every step prints its command and runs it in a process of its own. What is made stays in `examples/out/`. Needs
ambidex with the extra `torch`; ends with status 1, and says in which step, if anything goes wrong.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = "examples/data/adult.csv.gz"
OUT = "examples/out"
MODEL = f"{OUT}/adult.ambidex"
BUDGET_S = 120
"""Seconds of training at most, so that a slow machine ends the demo in time too; less is usual."""
SHOWN = ("age", "education", "occupation", "hours_per_week", "income", "income_p_>50K")


class DemoError(Exception):
    """A step that did not do what it says."""


def main() -> int:
    """Runs the steps in order."""
    began = time.monotonic()
    (ROOT / OUT).mkdir(parents=True, exist_ok=True)
    try:
        train()
        look_inside()
        predict()
        serve_and_ask()
    except (DemoError, OSError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s. The model is {MODEL}. Go on with docs/quickstart.md.")
    return 0


def say(title: str, text: str) -> None:
    """The head of a step."""
    print(f"\n── {title} {'─' * max(0, 100 - len(title))}\n{text}\n", flush=True)


def ambidex(*arguments: str) -> str:
    """Shows a command and runs it; what it prints on standard output is shown and given back."""
    print(f"$ ambidex {shlex.join(arguments)}", flush=True)
    done = subprocess.run(command(arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        raise DemoError(f"expected `ambidex {arguments[0]}` to end with status 0, got {done.returncode}")
    return done.stdout


def command(arguments: tuple[str, ...]) -> list[str]:
    """`ambidex …` by the interpreter that runs this file, installed or not on the search path."""
    return [sys.executable, "-m", "ambidex", *arguments]


def train() -> None:
    """Trains in PyTorch and certifies."""
    say(
        "1. Train",
        "48 842 people of the US census of 1994: who earns more than 50 000 dollars? Columns are recognised, a fifth\n"
        "of the rows is kept apart to choose the best epoch, and the network is trained in PyTorch. The result is\n"
        "shown beside a naive answer (the most frequent class). The certificate compares each edition of the model\n"
        "with the float64 reference on real rows, and on rows with missing and never-seen values.",
    )
    ambidex(
        "train", DATA, "--target", "income", "--drop", "uci_split", "--backend", "torch",
        "--time-budget", str(BUDGET_S), "-o", MODEL,
    )  # fmt: skip


def look_inside() -> None:
    """Derives the certificate again, without what training left in memory."""
    say(
        "2. Verify", "Anyone who is handed the file can check it: hashes, the ONNX graph derived anew, the certificate."
    )
    ambidex("verify", MODEL)


def predict() -> None:
    """Predicts rows of a CSV file."""
    say(
        "3. Predict",
        "Five rows without their answer, one with a country that the model has never seen and one with no age at all.\n"
        "From here on nothing that trains is loaded: preparation and network are one ONNX graph.",
    )
    write_new_rows()
    ambidex("predict", MODEL, f"{OUT}/new.csv", "-o", f"{OUT}/scored.csv")
    with (ROOT / OUT / "scored.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != 5:
        raise DemoError(f"expected 5 predictions, got {len(rows)}")
    print()
    for row in [dict(zip(SHOWN, SHOWN, strict=True)), *rows]:
        print("  " + "".join(short(row[name]).ljust(18) for name in SHOWN))


def write_new_rows() -> None:
    """The first rows of the data, without what is to be predicted."""
    with gzip.open(ROOT / DATA, "rt", newline="", encoding="utf-8") as file:
        rows = list(itertools.islice(csv.DictReader(file), 5))
    rows[1]["native_country"] = "Atlantis"
    rows[2]["age"] = ""
    names = [name for name in rows[0] if name not in ("income", "uci_split")]
    with (ROOT / OUT / "new.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def short(text: str) -> str:
    """A probability with four digits; other values as they are, empty ones as a dash."""
    return f"{float(text):.4f}" if text.startswith("0.") else text or "–"


def serve_and_ask() -> None:
    """Starts the server, sends one request, stops it."""
    say("4. Serve", "The same file behind HTTP. Port 0 takes a free one; the line is printed once the server answers.")
    arguments = ("serve", MODEL, "--port", "0", "--json")
    print(f"$ ambidex {shlex.join(arguments)} &", flush=True)
    began = time.monotonic()
    server = subprocess.Popen(command(arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        url = read_address(server)
        print(f"{url} answers {1000 * (time.monotonic() - began):.0f} ms after its start")
        ask(url)
    finally:
        stop(server)
    print(f"\n$ kill %1\nthe server ended with status {server.returncode}")
    if server.returncode != 0:
        raise DemoError(f"expected the server to end with status 0, got {server.returncode}")


def read_address(server: subprocess.Popen[str]) -> str:
    """The address that the server announces."""
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        raise DemoError(f"expected the server to announce its address, got nothing (status {server.wait(30)})")
    return str(json.loads(line)["url"])


def ask(url: str) -> None:
    """One request over the network, as any client in any language would send it."""
    row: dict[str, Any] = {
        "age": 39, "workclass": "State-gov", "fnlwgt": 77516, "education": "Bachelors", "education_num": 13,
        "marital_status": "Never-married", "occupation": "Adm-clerical", "relationship": "Not-in-family",
        "race": "White", "sex": "Male", "capital_gain": 2174, "capital_loss": 0, "hours_per_week": 40,
        "native_country": None,
    }  # fmt: skip
    body = json.dumps({"rows": [row]})
    print(f"\n$ curl {url}/models/adult/predict -d '{body}'")
    request = urllib.request.Request(f"{url}/models/adult/predict", data=body.encode(), method="POST")
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        answer = response.read().decode()
    print(answer)
    if json.loads(answer)["predictions"][0]["income"] not in (">50K", "<=50K"):
        raise DemoError(f"expected an income class in the answer, got {answer}")


def stop(server: subprocess.Popen[str]) -> None:
    """SIGTERM, on which the server finishes what it is answering and ends; by force if it does not."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    # Threads that wait for each other sleep instead of spinning: for a network this small, on a machine with
    # other work, that is several times faster. The results are the same.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ndemo: stopped", file=sys.stderr)
        sys.exit(1)
