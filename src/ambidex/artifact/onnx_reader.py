"""Reads `model.onnx` strictly, before any runtime sees it, without a protobuf library.

Field numbers after onnx.proto (ONNX 1.17). A field that is not in these tables is refused, whatever it holds: external
data, subgraphs, functions, training information, sparse or segmented tensors and anything newer have no entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ambidex.artifact.format import MAX_BYTES, MODEL
from ambidex.artifact.onnx_ops import ALLOWED_OPS, IR_VERSIONS, OPSETS
from ambidex.artifact.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    count_varints,
    read_fields,
    read_varint,
    signed,
)
from ambidex.errors import ArtifactError, expected

MAX_DEPTH = 12
MAX_NODES = 100_000
MAX_FIELDS = 5_000_000

_FIELDS: dict[str, dict[int, str]] = {
    "model": {
        1: "ir_version", 2: "producer_name", 3: "producer_version", 4: "domain", 5: "model_version",
        6: "doc_string", 7: "graph", 8: "opset", 14: "entry",
    },
    "opset": {1: "domain", 2: "version"},
    "entry": {1: "key", 2: "value"},
    "graph": {
        1: "node", 2: "name", 5: "tensor", 10: "doc_string", 11: "value_info", 12: "value_info", 13: "value_info",
    },
    "node": {
        1: "input", 2: "output", 3: "name", 4: "op_type", 5: "attribute", 6: "doc_string", 7: "domain", 9: "entry",
    },
    "attribute": {
        1: "name", 2: "f", 3: "i", 4: "s", 5: "tensor", 7: "floats", 8: "ints", 9: "strings", 13: "doc_string",
        20: "type_number",
    },
    "tensor": {
        1: "dims", 2: "data_type", 4: "float_data", 5: "int32_data", 6: "string_data", 7: "int64_data", 8: "name",
        9: "raw_data", 10: "double_data", 12: "doc_string", 14: "data_location",
    },
    "value_info": {1: "name", 2: "type", 3: "doc_string"},
    "type": {1: "tensor_type", 6: "denotation"},
    "tensor_type": {1: "elem_type", 2: "shape"},
    "shape": {1: "dim"},
    "dim": {1: "dim_value", 2: "dim_param", 3: "denotation"},
}  # fmt: skip
"""The fields of each message that are read, by number. A name that is itself a key is a message in there."""

_REFUSED: dict[tuple[str, int], str] = {
    ("model", 20): "training information",
    ("model", 25): "functions",
    ("model", 26): "device configuration",
    ("graph", 14): "quantization annotations",
    ("graph", 15): "sparse tensors",
    ("node", 8): "an overload of a function",
    ("attribute", 6): "a subgraph",
    ("attribute", 11): "subgraphs",
    ("attribute", 10): "a list of tensors",
    ("attribute", 21): "a reference into a function",
    ("attribute", 22): "sparse tensors",
    ("attribute", 23): "sparse tensors",
    ("tensor", 3): "a segmented tensor",
    ("tensor", 13): "external data",
    ("type", 4): "a sequence",
    ("type", 5): "a map",
    ("type", 8): "sparse tensors",
    ("type", 9): "an optional type",
}
"""What some of the fields without an entry are, for the message."""

_WIRES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("ir_version", "model_version", "version", "i", "type_number", "data_type", "data_location", "elem_type",
         "dim_value"),
        (VARINT,),
    ),
    **dict.fromkeys(("dims", "ints", "int32_data", "int64_data"), (VARINT, BYTES)),
    "f": (FIXED32,),
    "floats": (FIXED32, BYTES),
    "float_data": (FIXED32, BYTES),
    "double_data": (FIXED64, BYTES),
}  # fmt: skip
"""The wire types of fields that are not lengths of bytes."""

_ITEMSIZES: dict[int, int] = {1: 4, 6: 4, 7: 8, 8: 0, 9: 1, 10: 2, 11: 8}
"""Bytes of a value by `TensorProto.DataType`: float, int32, int64, string (by count), bool, float16, double."""

_ONCE: dict[str, tuple[str, ...]] = {
    "model": ("ir_version", "graph"),
    "opset": ("domain", "version"),
    "node": ("op_type", "domain"),
    "tensor": ("data_type", "raw_data", "data_location"),
}
"""Fields whose repetition would let two readers see different things."""


def check_model(model: bytes, *, allowed: Mapping[str, frozenset[str]] = ALLOWED_OPS) -> None:
    """Raises `ArtifactError` with the reason unless the model is one our exporter could have written."""
    if len(model) > MAX_BYTES[MODEL]:
        raise _refusal("an oversized model", f"at most {MAX_BYTES[MODEL]} bytes", len(model))
    _Reader(model, allowed).check()


class _Reader:
    """One pass over a model."""

    def __init__(self, data: bytes, allowed: Mapping[str, frozenset[str]]) -> None:
        self._data = data
        self._allowed = allowed
        self._fields = 0
        self._nodes = 0
        self._domains: set[str] = set()
        self._opsets: dict[str, int] = {}
        self._checks = {
            "model": self._check_model,
            "opset": self._check_opset,
            "node": self._check_node,
            "tensor": self._check_tensor,
            "entry": self._check_entry,
        }

    def check(self) -> None:
        self._walk("model", 0, len(self._data), 0)
        for domain in self._domains - set(self._opsets):
            raise _refusal("a domain without a version", f"an opset for {domain or 'ai.onnx'!r}", "none")

    def _walk(self, message: str, start: int, stop: int, depth: int) -> None:
        """Checks the message in `data[start:stop]` and everything in it."""
        if depth > MAX_DEPTH:
            raise _refusal("nested too deeply", f"at most {MAX_DEPTH} levels", "more")
        known = _FIELDS[message]
        found: dict[str, list[Field]] = {}
        for field in read_fields(self._data, start, stop):
            self._fields += 1
            name = known.get(field.number)
            if name is None:
                raise _unknown(message, field.number)
            if field.wire not in _WIRES.get(name, (BYTES,)):
                raise _refusal("a field of another type", f"{message}.{name} in its own form", f"form {field.wire}")
            found.setdefault(name, []).append(field)
            if name in _FIELDS:
                self._walk(name, field.start, field.stop, depth + 1)
        if self._fields > MAX_FIELDS:
            raise _refusal("too many fields", f"at most {MAX_FIELDS}", "more")
        for name in _ONCE.get(message, ()):
            if len(found.get(name, ())) > 1:
                raise _refusal("a repeated field", f"{message}.{name} once", f"{len(found[name])} times")
        if message in self._checks:
            self._checks[message](found)

    def _text(self, fields: list[Field] | None) -> str:
        if not fields:
            return ""
        return self._data[fields[0].start : fields[0].stop].decode("utf-8", errors="replace")

    def _check_model(self, found: Mapping[str, list[Field]]) -> None:
        version = found["ir_version"][0].value if "ir_version" in found else 0
        if version not in IR_VERSIONS:
            raise _refusal("another IR version", f"{IR_VERSIONS[0]} to {IR_VERSIONS[-1]}", version)
        if "graph" not in found or not self._opsets:
            raise _refusal("no ONNX model", "a graph and its operator sets", "none")

    def _check_opset(self, found: Mapping[str, list[Field]]) -> None:
        domain = _plain(self._text(found.get("domain")))
        version = found["version"][0].value if "version" in found else 0
        if domain not in OPSETS:
            raise _refusal("an unknown domain", "ai.onnx or ai.onnx.ml", ascii(domain))
        if domain in self._opsets:
            raise _refusal("a repeated domain", "every domain once", ascii(domain or "ai.onnx"))
        if version not in OPSETS[domain]:
            wanted = f"{OPSETS[domain][0]} to {OPSETS[domain][-1]} for {domain or 'ai.onnx'}"
            raise _refusal("another operator set", wanted, version)
        self._opsets[domain] = version

    def _check_node(self, found: Mapping[str, list[Field]]) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _refusal("too many nodes", f"at most {MAX_NODES}", "more")
        domain, name = _plain(self._text(found.get("domain"))), self._text(found.get("op_type"))
        if domain not in self._allowed:
            raise _refusal("an unknown domain", "operators of ai.onnx or ai.onnx.ml", ascii(domain))
        if name not in self._allowed[domain]:
            raise _refusal("an operator that is not allowed", "an operator of the exporter", ascii(name))
        self._domains.add(domain)

    def _check_entry(self, found: Mapping[str, list[Field]]) -> None:
        if self._text(found.get("key")) == "ort_config":  # onnxruntime would take session options from it
            raise _refusal("settings for the runtime", "metadata about the model", "'ort_config'")

    def _check_tensor(self, found: Mapping[str, list[Field]]) -> None:
        """Data inside, and exactly as much of it as the shape says."""
        name = ascii(self._text(found.get("name")))
        if any(field.value for field in found.get("data_location", ())):
            raise _refusal("external data", f"the values of {name} inside", "a location outside")
        dtype = found["data_type"][0].value if "data_type" in found else 0
        if dtype not in _ITEMSIZES:
            raise _refusal("a tensor type that is not read", f"numbers, flags or texts in {name}", f"type {dtype}")
        shape = self._numbers(found.get("dims", []))
        if any(size < 0 for size in shape):
            raise _refusal("a negative size", f"a shape for {name}", shape)
        wanted, given = prod(shape), self._count(found, dtype)
        if wanted != given:
            raise _refusal("a shape mismatch", f"{wanted} values for {name} of shape {tuple(shape)}", given)

    def _numbers(self, fields: list[Field]) -> list[int]:
        """The values of a repeated integer, packed or not."""
        numbers: list[int] = []
        for field in fields:
            if field.wire == VARINT:
                numbers.append(signed(field.value))
                continue
            at = field.start
            while at < field.stop:
                value, at = read_varint(self._data, at, field.stop)
                numbers.append(signed(value))
        return numbers

    def _count(self, found: Mapping[str, list[Field]], dtype: int) -> float:
        """How many values a tensor holds, all of its value fields together."""
        total = 0.0
        for field in found.get("raw_data", ()):
            total += (field.stop - field.start) / (_ITEMSIZES[dtype] or 1)
        total += len(found.get("string_data", ()))
        for name, size in (("float_data", 4), ("double_data", 8)):
            total += sum((field.stop - field.start) / size for field in found.get(name, ()))
        for name in ("int32_data", "int64_data"):
            for field in found.get(name, ()):
                total += 1 if field.wire == VARINT else count_varints(self._data, field.start, field.stop)
        return int(total) if total.is_integer() else total


def _plain(domain: str) -> str:
    """The default domain has two names."""
    return "" if domain == "ai.onnx" else domain


def _unknown(message: str, number: int) -> ArtifactError:
    reason = _REFUSED.get((message, number))
    if reason:
        return _refusal(reason, "a graph without it", f"{reason} in {message}")
    return _refusal("an unknown field", f"fields of ONNX's {message}", f"field {number}")


def _refusal(reason: str, what: str, got: object) -> ArtifactError:
    return ArtifactError(f"Refused, {reason}: {expected(what, got=got, where=MODEL)}", where=MODEL)
