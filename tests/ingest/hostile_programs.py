"""Files that are programs, and files that hide one under another kind's name."""

from __future__ import annotations

import io

import numpy as np
from tests.ingest.hostile_case import PICKLE, SECRET, Case, zipped

PICKLED = "a pickle is a program, so reading it can run code"
SCRIPT = "TorchScript is a program, so reading it can run code"
TRUST = "Expected --trust for"
UNKNOWN = "Expected a file that ends in one of"


def checkpoint() -> bytes:
    """A file of `torch.save`, whose list of tensors is a pickle."""
    return zipped({"model/data.pkl": PICKLE, "model/version": b"3\n", "model/byteorder": b"little"})


def exported() -> bytes:
    """A file of `torch.export.save`: some entries are read with `torch.load(weights_only=False)`."""
    entries = {"archive_format": b"pt2", "archive_version": b"0", "byteorder": b"little"}
    constants = {"data/constants/model_constants_config.json": b"{}", "data/sample_inputs/model.pt": checkpoint()}
    return zipped({f"model/{name}": content for name, content in {**entries, **constants}.items()})


def saved_model() -> bytes:
    """`saved_model.pb` with a node that reads a file."""
    return b"\x08\x01\x12\x30\x12\x2e\x0a\x04read\x12\x08ReadFile\x1a\x0a" + SECRET.encode()


def object_array() -> bytes:
    """An `.npy` of type object, whose values are a pickle."""
    buffer = io.BytesIO()
    shape = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(buffer, shape)
    return buffer.getvalue() + PICKLE


def object_arrays() -> bytes:
    return zipped({"x.npy": object_array()})


PROGRAMS: dict[str, Case] = {
    "cve-2024-37055.pkl": Case(
        make=lambda: PICKLE,
        about="CVE-2024-37055 … 37060: a pickled estimator that runs code",
        imported=PICKLED,
        served=TRUST,
    ),
    "cve-2024-37060.joblib": Case(
        make=lambda: PICKLE, about="CVE-2024-37060: the same under joblib's name", imported=PICKLED, served=TRUST
    ),
    "cve-2025-32434.pt": Case(
        make=checkpoint,
        about="CVE-2025-32434: a checkpoint whose pickle runs code",
        imported=SCRIPT,
        served=TRUST,
    ),
    "cve-2026-24747.pt": Case(
        make=lambda: b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + PICKLE,
        about="CVE-2026-24747: a checkpoint in the old form, one pickle after the other",
        imported=SCRIPT,
        served=TRUST,
    ),
    "cve-2026-4538.pt2": Case(
        make=exported,
        about="CVE-2026-4538: a pickle in a `.pt2` file",
        imported="a .pt2 file is a program, so reading it can run code",
        served=TRUST,
    ),
    "pickle-in-name-only.onnx": Case(
        make=lambda: PICKLE,
        about="a pickle under an ONNX file's name",
        imported="Expected an ONNX model, got other bytes",
        served="Refused, ",
    ),
    "pickle-in-name-only.keras": Case(
        make=lambda: PICKLE,
        about="a pickle under a Keras file's name",
        imported="a .keras file can hold functions",
        served="a file that starts with b'cbui'",
    ),
    "pickle-in-name-only.skops": Case(
        make=lambda: PICKLE,
        about="a pickle under a skops file's name (skops' own reader once fell back to joblib)",
        imported="a file that starts with b'cbui'",
        served="Refused, ",
    ),
    "pickle-in-name-only.txt": Case(
        make=lambda: PICKLE,
        about="a pickle under a LightGBM file's name",
        imported="Expected a model of LightGBM",
        served="Refused, ",
    ),
    "pickle-in-name-only.ubj": Case(
        make=lambda: PICKLE,
        about="a pickle under an XGBoost file's name",
        imported="Expected a model of XGBoost, got Invalid model format",
        served="Refused, ",
    ),
    "pickle-in-name-only.ambidex": Case(
        make=lambda: PICKLE, about="a pickle under an artifact's name", imported=UNKNOWN, served="Refused, "
    ),
    "object-arrays.npz": Case(
        make=object_arrays, about="an array of objects, which is a pickle", imported=UNKNOWN, served="Refused, "
    ),
}
