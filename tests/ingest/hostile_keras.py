"""Hostile Keras files: each is one good file, a dense layer of three columns, with one thing wrong."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from tests.ingest.hostile_case import MARK, PICKLE, SECRET, ZEROS, Case, zipped, zipped_list
from tests.ingest.hostile_programs import object_array

PROGRAM = "a .keras file can hold functions"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

Layer = dict[str, Any]


def layer(name: str, module: str = "keras.layers", registered: str | None = None, /, **config: Any) -> Layer:
    return {"class_name": name, "module": module, "registered_name": registered, "config": config}


def dense() -> Layer:
    return layer("Dense", name="dense", units=2, activation="linear")


def config(*layers: Layer) -> bytes:
    first = layer("InputLayer", name="columns", batch_shape=[None, 3], dtype="float32")
    return json.dumps(layer("Sequential", "keras", name="model", layers=[first, *layers])).encode()


def weights(change: Callable[[Any], object] = lambda group: None) -> bytes:
    """The HDF5 file; `change` is given the group of the layer's weights."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=np.ones((3, 2), np.float32))
        group.create_dataset("1", data=np.zeros(2, np.float32))
        change(group)
    return buffer.getvalue()


def entries(**changes: bytes) -> dict[str, bytes]:
    about = b'{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}'
    given = {"metadata": about, "config": config(dense()), "weights": weights(), **changes}
    return {METADATA: given["metadata"], CONFIG: given["config"], WEIGHTS: given["weights"]}


def good() -> bytes:
    return zipped(entries())


def holding(*layers: Layer) -> Callable[[], bytes]:
    return lambda: zipped(entries(config=config(*layers)))


def weighing(change: Callable[[Any], object]) -> Callable[[], bytes]:
    return lambda: zipped(entries(weights=weights(change)))


def replaced(group: Any, **how: Any) -> None:
    """Another dataset in place of the second one."""
    del group["1"]
    group.create_dataset("1", **how)


def virtual(group: Any) -> None:
    """Values that come from another HDF5 file; made by hand, since h5py's own function writes down the time."""
    del group["1"]
    space = h5py.h5s.create_simple((2,))
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_obj_track_times(False)
    how.set_virtual(space, b"secret.h5", b"secret", space)
    h5py.h5d.create(group.id, b"1", h5py.h5t.IEEE_F32LE, space, how)


def linked(link: Any) -> Callable[[Any], None]:
    def change(group: Any) -> None:
        del group["1"]
        group["1"] = link

    return change


def looped(group: Any) -> None:
    group["again"] = group


def second_name(group: Any) -> None:
    group["2"] = group["0"]


def legacy() -> bytes:
    """A model in the old form: one HDF5 file, for which safe mode does not hold."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"] = config(lambda_layer()).decode()
    return buffer.getvalue()


def lambda_layer() -> Layer:
    """Its code is no code: what marshal writes differs between versions of Python, and nothing may read it anyway."""
    return layer("Lambda", function=layer("__lambda__", "builtins", value=["Y29kZQ==", None, None]))


def function(name: str, module: str) -> Layer:
    return {"class_name": "function", "module": module, "registered_name": name, "config": name}


def case(make: Callable[[], bytes], about: str, served: str) -> Case:
    return Case(make=make, about=about, imported=PROGRAM, served=f"Refused, {served}")


def inside(make: Callable[[], bytes], about: str, worker: str) -> Case:
    """What only HDF5's own reader sees, in the process that loads the model."""
    return Case(make=make, about=about, imported=PROGRAM, worker=f"Refused, {worker}")


KERAS: dict[str, Case] = {
    "cve-2025-1550.keras": case(
        holding(layer("Activation", activation=function("system", "os"), arguments=f"touch {MARK}")),
        "CVE-2025-1550: a function of any module",
        "a class of its maker's",
    ),
    "cve-2025-8747.keras": case(
        holding(layer("get_file", "keras.utils", fname=MARK, origin=f"file://{SECRET}", cache_dir=".")),
        "CVE-2025-8747: a function of Keras that fetches files, as a layer",
        "a name that is no layer",
    ),
    "cve-2025-9906.keras": case(
        holding(layer("enable_unsafe_deserialization", "keras.config"), lambda_layer()),
        "CVE-2025-9906: a layer that turns safe mode off for the next one",
        "a name that is no layer",
    ),
    "cve-2025-9905.keras": Case(
        make=legacy,
        about="CVE-2025-9905: the old HDF5 form, where safe mode is ignored",
        imported=PROGRAM,
        served="Expected a Keras file, which is a zip",
    ),
    "cve-2025-9905.h5": Case(
        make=legacy,
        about="CVE-2025-9905: the same under its own name",
        imported="Expected a file that ends in one of",
        served="Refused, ",
    ),
    "cve-2025-49655.keras": case(
        holding(layer("TorchModuleWrapper", module=base64.b64encode(PICKLE).decode())),
        "CVE-2025-49655: a pickled module of PyTorch as a layer",
        "a program: Expected layers that only compute, got a pickled module of PyTorch",
    ),
    "cve-2025-12058.keras": case(
        holding(layer("StringLookup", vocabulary=SECRET)),
        "CVE-2025-12058: a vocabulary that is the path of a file, or an address",
        "a file outside",
    ),
    "cve-2026-1462.keras": case(
        holding(layer("TFSMLayer", filepath="saved_model", call_endpoint="serving_default")),
        "CVE-2026-1462: a layer that loads a SavedModel",
        "a program: Expected layers that only compute, got a layer that runs a SavedModel",
    ),
    "cve-2026-0897.keras": inside(
        weighing(lambda group: replaced(group, shape=(1 << 40,), dtype="f4")),
        "CVE-2026-0897: a shape of 4 TB and no values",
        "a shape that its bytes do not have",
    ),
    "cve-2026-0897-chunks.keras": inside(
        weighing(lambda group: replaced(group, shape=(1 << 40,), dtype="f4", chunks=(1024,))),
        "CVE-2026-0897: the same in chunks",
        "another layout",
    ),
    "cve-2026-1669.keras": inside(
        weighing(lambda group: replaced(group, shape=(2,), dtype="f4", external=[(SECRET, 0, 8)])),
        "CVE-2026-1669: weights that lie in another file",
        "a file outside",
    ),
    "cve-2026-12480.keras": inside(
        weighing(virtual), "CVE-2026-12480: the same as a virtual dataset", "a file outside"
    ),
    "external-link.keras": inside(
        weighing(linked(h5py.ExternalLink("secret.h5", "/secret"))), "a link into another HDF5 file", "a link"
    ),
    "soft-link.keras": inside(weighing(linked(h5py.SoftLink("/layers"))), "a link inside the HDF5 file", "a link"),
    "second-name.keras": inside(weighing(second_name), "two names for the same weights", "a link"),
    "loop.keras": inside(weighing(looped), "a group that holds itself", "a link"),
    "object-weights.keras": inside(
        weighing(lambda group: replaced(group, data=["text"])), "texts where weights should be", "no weights"
    ),
    "no-hdf5.keras": inside(
        lambda: zipped(entries(weights=PICKLE)), "a pickle under the weights' name", "damaged weights"
    ),
    "npz-weights.keras": case(
        lambda: zipped({**entries(), "model.weights.npz": zipped({"0.npy": object_array()})}),
        "weights as `.npz` with objects, which are pickles",
        "an extra entry",
    ),
    "ghsa-hqp4-2352-xf5r.keras": case(
        lambda: zipped({**entries(), f"../{MARK}": b""}),
        "GHSA-hqp4-2352-xf5r: an entry named by a path outside",
        "an entry that lies elsewhere",
    ),
    "asset-outside.keras": case(
        lambda: zipped({**entries(), f"assets/../../{MARK}": b""}),
        "the same below the assets",
        "an entry that lies elsewhere",
    ),
    "absolute-path.keras": case(
        lambda: zipped({**entries(), f"/tmp/{MARK}": b""}),
        "an entry named by an absolute path",
        "an entry that lies elsewhere",
    ),
    "symbolic-link.keras": case(
        lambda: zipped({**entries(), "assets/a.txt": SECRET.encode()}, links=("assets/a.txt",)),
        "an entry that is a symbolic link",
        "an entry that is no file",
    ),
    "duplicate.keras": case(
        lambda: zipped_list([*entries().items(), (CONFIG, config(lambda_layer()))]),
        "two configurations, of which two readers see different ones",
        "a duplicate entry",
    ),
    "zip-bomb.keras": case(
        lambda: zipped({**entries(), "assets/a.txt": bytes(ZEROS)}, packed=("assets/a.txt",)),
        "64 MiB of zeros in 64 KiB",
        "it unpacks to too much",
    ),
    "appended.keras": case(
        lambda: good() + b"#!/bin/sh\n" * 3, "something behind the zip", "truncated, or something follows its end"
    ),
    "prefixed.keras": Case(
        make=lambda: b"#!/bin/sh\n" + good(),
        about="a script in front of the zip",
        imported=PROGRAM,
        served="a file that starts with b'#!/b'",
    ),
    "lambda.keras": case(holding(lambda_layer()), "a Lambda layer", "a program"),
    "registered.keras": case(
        holding(layer("Odd", "somewhere", "somewhere>Odd")), "a class of its maker's", "a class of its maker's"
    ),
    "typespec.keras": case(
        holding(layer("__typespec__", "tensorflow")), "a type of TensorFlow by name", "a name that is no layer"
    ),
    "deep.keras": case(
        lambda: zipped(entries(config=b"[" * 5000 + b"]" * 5000)), "JSON that is 5000 deep", "nested too deeply"
    ),
}
