from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.runtime.models import mixed

SCRIPT = """
import json, sys
from array import array
from ambidex.runtime import open_session
from ambidex.schema import Tensor

session = open_session(open(sys.argv[1], "rb").read())
result = session.run({
    "numbers": Tensor(dtype="float64", shape=(1, 3), data=array("d", [1, 2, 3])),
    "texts": Tensor(dtype="string", shape=(1, 2), data=["a", "b"]),
})
import os, time
time.sleep(float(sys.argv[2]))  # time for an uploader to do what it must not do
sockets = 0
for entry in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
    try:
        sockets += os.readlink(f"/proc/self/fd/{entry}").startswith("socket:")
    except OSError:
        pass
print(json.dumps({"label": result["label"].data, "modules": sorted(sys.modules), "sockets": sockets}))
"""


def start(tmp_path: Path, **environment: str) -> dict[str, object]:
    path = tmp_path / "model.onnx"
    path.write_bytes(mixed())
    home = tmp_path / "home"
    home.mkdir()
    places = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR")
    inherited = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    source = str(Path(__file__).parents[2] / "src")
    env = inherited | dict.fromkeys(places, str(home)) | {"PYTHONPATH": source} | environment
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), "0.5"], env=env, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert list(home.rglob("*")) == [], "onnxruntime must leave no file behind"
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def test_the_first_answer_needs_neither_numpy_nor_the_binding(tmp_path: Path) -> None:
    result = start(tmp_path, AMBIDEX_ORT="c_api")
    loaded = result["modules"]
    assert isinstance(loaded, list)
    assert {"numpy", "onnxruntime", "torch", "tensorflow"}.isdisjoint(loaded)
    assert len(result["label"]) == 1  # type: ignore[arg-type]


def test_nothing_is_sent_or_written_by_the_c_api(tmp_path: Path) -> None:
    assert start(tmp_path, AMBIDEX_ORT="c_api")["sockets"] == 0


def test_nothing_is_sent_or_written_by_the_binding(tmp_path: Path) -> None:
    assert start(tmp_path, AMBIDEX_ORT="binding")["sockets"] == 0
