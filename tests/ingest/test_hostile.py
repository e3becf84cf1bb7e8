"""Every file of the corpus is refused with one message, by `import` and by `serve`, and nothing in it runs or is read.

The commands run in this process, their helpers' processes too, so that what they open can be watched.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ingest.hostile_case import MARK, SECRET
from tests.ingest.hostile_files import CASES, FOLDER, PAGE, path_of, table
from tests.ingest.hostile_keras import good
from tests.ingest.hostile_onnx import changed
from tests.server.running import SOURCE, running

from ambidex.backends.subprocess import Failure
from ambidex.cli.main import main
from ambidex.errors import AmbidexError, ArtifactError
from ambidex.ingest.hdf5_weights import check_weights
from ambidex.ingest.serve_worker import open_program
from ambidex.ingest.table import READERS
from ambidex.runtime.foreign import KINDS, check_harmless, kind_of
from ambidex.runtime.repository import find_places
from ambidex.server.loader import Loader
from ambidex.server.settings import Settings
from ambidex.workflow import ingest, ingest_worker

WORDS = "only whoever follows a hostile file reads this"
ENGINES = {"torch", "keras", "tensorflow", "jax"}
MOST_MIB = 40
"""Of a process that reads all the bombs, above what it takes before; the smallest bomb is 64 MiB."""

opened: list[str] = []
"""What was opened while a test ran, and the names of pickles that were looked up."""
is_watching = False


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Python cannot be told to stop calling this, so it asks whether a test is running."""
    if is_watching and event in ("open", "pickle.find_class", "os.system"):
        opened.append(f"{event} {arguments[0]}" + (f".{arguments[1]}" if event == "pickle.find_class" else ""))


sys.addaudithook(watch)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is opened, in a folder with everything that the files are after, which stays as it was."""
    global is_watching  # noqa: PLW0603 - an audit hook stays for good
    (tmp_path / SECRET).write_text(WORDS)
    (tmp_path / "link").symlink_to(SECRET)
    os.link(tmp_path / SECRET, tmp_path / "hard_link")
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    opened.clear()
    is_watching = True
    yield opened
    is_watching = False
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not (tmp_path.parent / MARK).exists()
    assert [text for text in opened if SECRET in text or "_link" in text or not text.startswith("open ")] == []


def refused(reason: str, message: str) -> bool:
    """Whether this is one message of ours, with the reason, and nothing that a file led to."""
    is_one = message.startswith("ambidex: ") and message.count("\n") == 1 and len(message) < 1000
    return is_one and reason in message and "Traceback" not in message and WORDS not in message


def run_here(what: str, command: list[str], folder: Path, *, timeout_s: float) -> None:
    """The other process of `ambidex import`, in this one. What it does not expect is not caught."""
    del what, timeout_s
    if ingest_worker.main(Path(command[1])):
        raise AmbidexError(msgspec.json.decode((folder / "error.json").read_bytes(), type=Failure).message)


@pytest.mark.parametrize("name", CASES)
def test_import_refuses_it(
    name: str, watched: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ingest, "run_module", run_here)
    before = set(sys.modules)
    assert main(["import", str(path_of(name)), "-o", "out.ambidex"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert refused(CASES[name].imported, captured.err), captured.err
    if any(reader.danger and name.endswith(reader.suffixes) for reader in READERS):
        assert not ENGINES & (set(sys.modules) - before)
        assert [text for text in watched if name in text] == [], "not a byte is read without trust"


@pytest.mark.parametrize("name", CASES)
def test_serve_refuses_it(name: str, watched: list[str]) -> None:
    case, path = CASES[name], str(path_of(name))
    loader, before = Loader(Settings), set(sys.modules)
    if case.worker:  # what only a reader of HDF5 sees ends the model's process instead of the command
        loader.open(find_places([path])[0])
        with pytest.raises(ArtifactError) as caught:
            open_program("keras", path, is_trusted=False)
    else:
        with pytest.raises(ArtifactError) as caught:
            loader.open(find_places([path])[0])
    message = f"ambidex: {caught.value.message}\n"
    assert refused(case.worker or case.served, message), message
    kind = kind_of(path)
    if kind is not None:
        assert "--trust" in message or case.worker
        assert not kind.danger or [text for text in watched if name in text] == [], "not a byte is read without trust"
    assert not ENGINES & (set(sys.modules) - before)


@pytest.mark.parametrize("name", ["symbolic-link.skops", "cve-2022-25882.onnx", "cve-2024-37055.pkl"])
def test_the_command_ends_with_one_message(name: str, watched: list[str]) -> None:
    for command, reason in (("import", CASES[name].imported), ("serve", CASES[name].served)):
        more = ["-o", "out.ambidex"] if command == "import" else ["--port", "0"]
        done = subprocess.run(
            [sys.executable, "-m", "ambidex", command, str(path_of(name)), *more],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert refused(reason, done.stderr), done.stderr


def test_the_process_of_a_model_says_why_it_does_not_serve_it(watched: list[str]) -> None:
    name = "cve-2026-1669.keras"
    with running([FOLDER / name]) as server:
        answer = server.post("/models/cve-2026-1669/predict", {"rows": [{"columns": [1.0, 2.0, 3.0]}]})
    assert (answer.status, answer.json["error"]["code"]) == (503, "model_broken")
    message = answer.json["error"]["message"]
    assert CASES[name].worker in message
    assert WORDS not in message


def test_modules_that_lie_beside_a_file_are_not_imported(watched: list[str], tmp_path: Path) -> None:
    """A download may be a folder, in which somebody then calls `ambidex`."""
    beside = tmp_path.parent / "beside"
    beside.mkdir()
    for name in ("onnx", "numpy", "msgspec", "ambidex", "sitecustomize"):
        (beside / f"{name}.py").write_text(f"open({MARK!r}, 'w')")
    (beside / "model.onnx").write_bytes(CASES["cve-2022-25882.onnx"].make())
    code = "import sys; from ambidex.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "import", "model.onnx", "-o", "out.ambidex"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        cwd=beside,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert not (beside / MARK).exists()


BOMBS = """
import resource, sys
from ambidex.errors import AmbidexError
from ambidex.ingest.hdf5_weights import check_weights
from ambidex.ingest.foreign import Wanted
from ambidex.ingest.estimator_file import read_skops
from ambidex.ingest.onnx_file import read_onnx
from ambidex.runtime.keras_file import check_keras_file
from pathlib import Path

def keras(path):
    check_keras_file(str(path))
    check_weights(path)

def onnx(path):
    read_onnx(path, Wanted())

readers = {".keras": keras, ".onnx": onnx, ".skops": read_skops}
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        readers[Path(name).suffix](Path(name))
    except AmbidexError:
        continue
    sys.exit(f"{name} was taken")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) >> 10)
"""


def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    names = [name for name in CASES if "bomb" in name or "claims" in name or "0897" in name or "sparse" in name]
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, *(str(FOLDER / name) for name in names)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_MIB, f"{done.stdout} MiB"


def test_the_good_files_pass(tmp_path: Path) -> None:
    """What the hostile ones differ from: without this they might be refused for another reason."""
    for suffix, make in {".keras": good, ".onnx": changed(lambda model: None)}.items():
        path = tmp_path / f"good{suffix}"
        path.write_bytes(make())
        check_harmless(str(path), KINDS[suffix])
    check_weights(tmp_path / "good.keras")


@pytest.mark.parametrize("name", CASES)
def test_the_committed_file_is_the_one_that_is_described(name: str) -> None:
    assert CASES[name].make() == (FOLDER / name).read_bytes()


def test_every_file_is_explained_and_small() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(FOLDER).as_posix() for path in files) == sorted(CASES)
    assert sum(path.stat().st_size for path in files) < 400_000
    assert table() in PAGE.read_text(encoding="utf-8")
