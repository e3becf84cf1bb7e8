"""Hostile files of skops: a table of objects, `schema.json`, and arrays beside it in a zip."""

from __future__ import annotations

import json
from typing import Any

from tests.ingest.hostile_case import MARK, SECRET, ZEROS, Case, zipped, zipped_list
from tests.ingest.hostile_programs import object_array


def node(module: str, name: str, loader: str, **fields: Any) -> dict[str, Any]:
    return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 0, **fields}


def text(value: str) -> dict[str, Any]:
    return node("builtins", "str", "JsonNode", content=json.dumps(value), is_json=True)


def schema(root: dict[str, Any]) -> bytes:
    return json.dumps({**root, "protocol": 2, "_skops_version": "0.11.0"}).encode()


def written(root: dict[str, Any]) -> bytes:
    return zipped({"schema.json": schema(root)})


OPENS_MARK = node("builtins", "tuple", "TupleNode", content=[node("io", "open", "TypeNode"), text(MARK), text("w")])


def operator_call() -> bytes:
    """`operator.call(open, MARK, "w")` under the name of something harmless."""
    return written(node("operator", "call", "OperatorFuncNode", attrs=OPENS_MARK))


def hidden_call() -> bytes:
    """The same, which says that it belongs to another module than the one it is taken from."""
    return written(node("builtins", "int", "OperatorFuncNode", attrs=OPENS_MARK))


def method_call() -> bytes:
    """A method of an object that says it is another one."""
    inner = node("os", "system", "TypeNode")
    content = {"obj": inner, "func": "__call__"}
    return written(node("builtins", "str", "MethodNode", content=content))


def array(content: bytes) -> dict[str, bytes]:
    root = node("numpy", "ndarray", "NdArrayNode", type="numpy", file="0.npy")
    return {"schema.json": schema(root), "0.npy": content}


def claims() -> bytes:
    """An array of 8 TB with no values."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


NOT_SERVED = "Refused, "
SKOPS: dict[str, Case] = {
    "cve-2025-54412.skops": Case(
        make=operator_call,
        about="CVE-2025-54412: a call of whatever the file names",
        imported="Expected types that skops trusts",
        served=NOT_SERVED,
    ),
    "cve-2025-54412-hidden.skops": Case(
        make=hidden_call,
        about="CVE-2025-54412: the same under another module's name",
        imported="Expected a file of skops",
        served=NOT_SERVED,
    ),
    "method-call.skops": Case(
        make=method_call,
        about="a method of an object that lies about its class",
        imported="Expected a file of skops",
        served=NOT_SERVED,
    ),
    "object-array.skops": Case(
        make=lambda: zipped(array(object_array())),
        about="an array of objects, which is a pickle",
        imported="Expected a file of skops",
        served=NOT_SERVED,
    ),
    "claims-8-tb.skops": Case(
        make=lambda: zipped(array(claims())),
        about="an array of 8 TB with no values",
        imported="Expected a file of skops",
        served=NOT_SERVED,
    ),
    "zip-bomb.skops": Case(
        make=lambda: zipped(array(bytes(ZEROS)), packed=("0.npy",)),
        about="64 MiB of zeros in 64 KiB",
        imported="Refused, it unpacks to too much",
        served=NOT_SERVED,
    ),
    "symbolic-link.skops": Case(
        make=lambda: zipped(array(SECRET.encode()), links=("0.npy",)),
        about="an entry that is a symbolic link",
        imported="Refused, an entry that is no file",
        served=NOT_SERVED,
    ),
    "duplicate.skops": Case(
        make=lambda: zipped_list([("schema.json", b"{}"), *array(b"").items()]),
        about="two tables, of which two readers see different ones",
        imported="Refused, a duplicate entry",
        served=NOT_SERVED,
    ),
    "appended.skops": Case(
        make=lambda: zipped(array(b"")) + b"#!/bin/sh\n" * 3,
        about="something behind the zip",
        imported="Refused, truncated, or something follows its end",
        served=NOT_SERVED,
    ),
}
