"""Reads what a `.keras` file says it is made of, strictly, before Keras sees it and without Keras.

Keras builds whatever objects the file's `config.json` names, which is how its safe mode was broken again and again
(CVE-2025-1550, -8747, -9906, -49655, -12058, CVE-2026-1462). Here a name passes only if it is a class of Keras that
computes, from the list below. What is in the HDF5 file of weights is checked in the process that reads it.
"""

from __future__ import annotations

import re
from typing import Any

from ambidex.artifact.format import MAX_JSON_DEPTH
from ambidex.artifact.strict_json import depth_of
from ambidex.runtime.plain_zip import open_zip, refused

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
ASSET = re.compile(r"assets(/[A-Za-z0-9_. -]+)+/?")
"""Vocabularies and other texts of preprocessing layers."""

MOST_CONFIG_BYTES = 64 << 20

_MODULES = re.compile(
    r"keras\.(layers|models|initializers|regularizers|constraints|activations|losses|metrics|dtype_policies|quantizers"
    r"|optimizers|optimizers\.schedules|src\.models\.(functional|sequential)|src\.ops\.[a-z]+)"
)
_ALSO = {("keras", "Sequential"), ("keras", "Model"), ("keras", "DTypePolicy"), ("builtins", "function")}
"""The last is the name of an activation, a loss or a metric."""
_PROGRAMS = {
    "Lambda": "a Lambda layer, which is a program",
    "TFSMLayer": "a layer that runs a SavedModel",
    "TorchModuleWrapper": "a pickled module of PyTorch",
    "JaxLayer": "a program of JAX",
    "FlaxLayer": "a program of JAX",
}
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
"""Values that JSON has no form for."""
_LISTS = ("vocabulary", "idf_weights")
"""What these keys hold belongs in the file; a text would be the path of another one (CVE-2025-12058)."""


def check_keras_file(path: str) -> None:
    """Raises `ArtifactError` with the reason unless the file only holds layers of Keras that compute."""
    with open_zip(path, "a Keras file, which is a zip") as archive:
        names = archive.namelist()
        for name in names:
            if name not in (CONFIG, METADATA, WEIGHTS) and not ASSET.fullmatch(name):
                raise refused("an extra entry", f"only {CONFIG}, {METADATA}, {WEIGHTS} and assets", ascii(name), path)
        for name in (CONFIG, METADATA, WEIGHTS):
            if name not in names:
                raise refused("an entry is missing", f"{name} in it", "none", path)
        if archive.getinfo(CONFIG).file_size > MOST_CONFIG_BYTES:
            got = archive.getinfo(CONFIG).file_size
            raise refused("an oversized entry", f"at most {MOST_CONFIG_BYTES} bytes of {CONFIG}", got, path)
        raw = archive.read(CONFIG)
    _check(_parsed(raw, path), path)


def _parsed(raw: bytes, path: str) -> object:
    import json  # as Keras does: two readers of JSON could disagree

    if depth_of(raw) > MAX_JSON_DEPTH:
        raise refused("nested too deeply", f"at most {MAX_JSON_DEPTH} levels in {CONFIG}", "more", path)
    try:
        config = json.loads(raw)
    except ValueError as error:
        raise refused("no JSON", f"a valid {CONFIG}", str(error), path) from None
    if not isinstance(config, dict) or "class_name" not in config:
        raise refused("no model", f"a class in {CONFIG}", "none", path)
    return config


def _check(value: object, path: str) -> None:
    """Every object that the configuration names, at any depth."""
    if isinstance(value, list):
        for item in value:
            _check(item, path)
    if not isinstance(value, dict):
        return
    if "class_name" in value:
        _check_class(value, path)
    for name in _LISTS:
        if not isinstance(value.get(name, None), (list, type(None))):
            raise refused("a file outside", f"{name!r} in the file itself", ascii(value[name]), path)
    for item in value.values():
        _check(item, path)


def _check_class(value: dict[str, Any], path: str) -> None:
    name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    if name in _VALUES and module is None:
        return
    if name in _PROGRAMS:
        raise refused("a program", "layers that only compute", _PROGRAMS[str(name)], path)
    if registered not in (None, name) and (module, name) != ("builtins", "function"):
        raise refused("a class of its maker's", "classes of Keras", ascii(registered), path)
    known = isinstance(name, str) and isinstance(module, str)
    if (module, name) in _ALSO or (known and _MODULES.fullmatch(str(module)) and str(name)[:1].isupper()):
        return
    raise refused("a name that is no layer", "classes of Keras that compute", ascii(f"{module}.{name}"), path)
