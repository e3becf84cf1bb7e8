"""Hostile artifacts, each made from a good one by one change. Run as a module, it writes the committed copies."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import onnx
from onnx import TensorProto, helper
from tests.artifact.samples import entries, manifest

from ambidex.artifact import CARD, ENTRIES, MANIFEST, MODEL, WEIGHTS, EntryRecord
from ambidex.artifact.container import pack
from ambidex.artifact.manifest import encode_manifest

FOLDER = Path(__file__).parent / "hostile"

Infos = list[tuple[zipfile.ZipInfo, bytes]]


class Payload:
    """Would run a command if anything unpickled it."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return print, ("the pickle was run",)


def contents(changes: Mapping[str, bytes] | None = None, **fields: object) -> dict[str, bytes]:
    """Every entry, with honest hashes of what was changed; `fields` are changes to the manifest's JSON."""
    files = {**entries(), **(changes or {})}
    records = {
        name: EntryRecord(sha256=hashlib.sha256(files[name]).hexdigest(), size_bytes=len(files[name]))
        for name in ENTRIES
        if name != MANIFEST
    }
    table = msgspec.json.decode(encode_manifest(msgspec.structs.replace(manifest(), entries=records)))
    return {MANIFEST: msgspec.json.encode({**table, **fields}), **files}


def good() -> bytes:
    return b"".join(pack(contents()))


def packed(changes: Mapping[str, bytes] | None = None, **fields: object) -> bytes:
    return b"".join(pack(contents(changes, **fields)))


def zipped(change: Callable[[Infos], Infos], *, comment: bytes = b"") -> bytes:
    """The good entries through Python's own zip writer, which can do what ours cannot."""
    infos: Infos = []
    for name, content in contents().items():
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o100644 << 16
        infos.append((info, content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for info, content in change(infos):
            archive.writestr(info, content)
    return buffer.getvalue()


def renamed(old: str, new: str) -> bytes:
    """The good file with a name replaced, in both headers, by one of the same length."""
    assert len(old) == len(new)
    return good().replace(old.encode(), new.encode()).replace(b'"' + new.encode() + b'"', b'"' + old.encode() + b'"')


def added(name: str, content: bytes) -> Callable[[Infos], Infos]:
    return lambda infos: [*infos, (zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)]


def symlinked(infos: Infos) -> Infos:
    info, _ = infos[-1]
    info.external_attr = 0o120777 << 16
    return [*infos[:-1], (info, b"/etc/passwd")]


def compressed(infos: Infos) -> Infos:
    infos[1][0].compress_type = zipfile.ZIP_DEFLATED
    return infos


def bomb(infos: Infos) -> Infos:
    info, _ = infos[-1]
    info.compress_type = zipfile.ZIP_DEFLATED
    return [*infos[:-1], (info, bytes(20_000_000))]


def extra_field(infos: Infos) -> Infos:
    infos[-1][0].extra = b"\xfe\xca\x04\x00abcd"
    return infos


def overlapping() -> bytes:
    """The directory points two entries at one place."""
    raw = bytearray(good())
    records = [match.start() for match in re.finditer(b"PK\1\2", bytes(raw))]
    raw[records[5] + 42 : records[5] + 46] = raw[records[4] + 42 : records[4] + 46]
    return bytes(raw)


def lying_local_header() -> bytes:
    """The entry's own header says it is compressed, the directory says it is not."""
    raw = bytearray(good())
    raw[raw.index(b"PK\3\4", 4) + 8] = 8
    return bytes(raw)


def huge_size() -> bytes:
    """The directory claims an entry of 4 GiB."""
    raw = bytearray(good())
    record = raw.index(b"PK\1\2")
    raw[record + 20 : record + 28] = b"\xfe\xff\xff\xff" * 2
    return bytes(raw)


def wrong_hash() -> bytes:
    files = contents()
    return b"".join(pack({**files, CARD: files[CARD].replace(b"card", b"fake")}))


def external_data() -> bytes:
    proto = onnx.load_from_string(entries()[MODEL])
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return packed({MODEL: proto.SerializeToString()})


def foreign_operator() -> bytes:
    proto = onnx.load_from_string(entries()[MODEL])
    proto.graph.node.append(helper.make_node("PyOp", ["p"], ["hidden"], domain="ai.onnx.contrib"))
    return packed({MODEL: proto.SerializeToString()})


def subgraph() -> bytes:
    proto = onnx.load_from_string(entries()[MODEL])
    inner = helper.make_graph([], "inner", [], [])
    proto.graph.node.append(helper.make_node("If", ["g"], ["hidden"], then_branch=inner, else_branch=inner))
    return packed({MODEL: proto.SerializeToString()})


def safetensors(table: bytes, values: bytes = b"") -> bytes:
    return packed({WEIGHTS: len(table).to_bytes(8, "little") + table + values})


def deep_json() -> bytes:
    nested: object = "deep"
    for _ in range(100):
        nested = [nested]
    return packed(metadata={"a": nested})


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated": (lambda: good()[:-40], "truncated"),
    "appended": (lambda: good() + b"\0" * 10, "truncated, or something follows its end"),
    "no_zip": (lambda: pickle.dumps(Payload()), "not an artifact"),
    "prefixed": (lambda: b"#!/bin/sh\n" + good(), "not an artifact"),
    "wrong_hash": (wrong_hash, "wrong hash"),
    "extra_entry": (lambda: zipped(added("model.pkl", pickle.dumps(Payload()))), "an extra or duplicate entry"),
    "replaced_entry": (lambda: renamed("card.md", "code.py"), "an extra entry"),
    "missing_entry": (lambda: zipped(lambda infos: infos[:-1]), "an entry is missing"),
    "out_of_order": (lambda: zipped(lambda infos: [*infos[1:], infos[0]]), "entries are out of order"),
    "path_escape": (lambda: renamed("card.md", "../c.md"), "an entry whose name is a path"),
    "absolute_path": (lambda: renamed("card.md", "/etc/cr"), "an entry whose name is a path"),
    "windows_path": (lambda: renamed("card.md", "C:\\a.md"), "an entry whose name is a path"),
    "link": (lambda: zipped(symlinked), "an entry that is a link"),
    "duplicate_name": (lambda: renamed("graph.json", "model.onnx"), "a duplicate entry"),
    "compressed_entry": (lambda: zipped(compressed), "a compressed entry"),
    "zip_bomb": (lambda: zipped(bomb), "a compressed entry"),
    "overlapping_entries": (overlapping, "a gap or an overlap"),
    "lying_local_header": (lying_local_header, "two headers that disagree"),
    "huge_size": (huge_size, "an oversized entry"),
    "extra_field": (lambda: zipped(extra_field), "extra fields or a comment"),
    "comment": (lambda: zipped(lambda infos: infos, comment=b"PK\5\6"), "truncated, or something follows its end"),
    "newer_format": (lambda: packed(format=2), "Expected format 1 or earlier, got format 2"),
    "unknown_manifest_field": (lambda: packed(loader_module="os"), "unknown field `loader_module`"),
    "deep_json": (deep_json, "Expected JSON of depth 64, got a deeper one"),
    "manifest_lists_too_little": (lambda: packed(entries={}), "Expected every entry once in the manifest"),
    "pickle_as_model": (lambda: packed({MODEL: pickle.dumps(Payload())}), "Refused, "),
    "pickle_as_weights": (lambda: packed({WEIGHTS: pickle.dumps(Payload())}), "Refused, "),
    "external_data": (external_data, "external data"),
    "foreign_operator": (foreign_operator, "an unknown domain"),
    "subgraph": (subgraph, "a subgraph"),
    "oversized_header": (
        lambda: packed({WEIGHTS: (1 << 60).to_bytes(8, "little") + b"{}"}),
        "Expected a header of 1152921504606846976 bytes",
    ),
    "shape_mismatch": (
        lambda: safetensors(b'{"dense.kernel":{"dtype":"F32","shape":[1,3],"data_offsets":[0,12]}}    ', bytes(12)),
        "a shape mismatch",
    ),
    "shape_overflow": (
        lambda: safetensors(
            b'{"dense.kernel":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}   '
        ),
        "a shape that its bytes do not have",
    ),
    "empty_tensor_inside": (
        lambda: safetensors(
            b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},'
            b'"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}   ',
            bytes(12),
        ),
        "an overlap",
    ),
    "offset_overflow": (
        lambda: safetensors(
            b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,18446744073709551628]}}   ',  # 12 in 64 bits
            bytes(12),
        ),
        "a shape that its bytes do not have",
    ),
    "offset_past_the_end": (
        lambda: safetensors(
            b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[9223372036854775795,9223372036854775807]}}   ',
            bytes(12),
        ),
        "a hole",
    ),
    "header_bloat": (
        lambda: safetensors(
            b'{"dense.kernel":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}' + b" " * 8_000, bytes(12)
        ),
        "another form than the format's",
    ),
    "overlapping_tensors": (
        lambda: safetensors(
            b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},'
            b'"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}  ',
            bytes(12),
        ),
        "an overlap",
    ),
}
"""How each hostile file is made, and what its refusal says."""


def write_all() -> None:
    """Writes the committed copies."""
    FOLDER.mkdir(exist_ok=True)
    for name, (make, _) in CASES.items():
        (FOLDER / f"{name}.ambidex").write_bytes(make())


if __name__ == "__main__":
    write_all()
