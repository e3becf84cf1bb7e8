from __future__ import annotations

import json
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from ambidex.artifact.tensors import MAX_HEADER_BYTES, check_shapes, read_header, write_tensors
from ambidex.errors import ArtifactError

DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64}

shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
tensors = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(sorted(DTYPES)), shapes),
    max_size=5,
)


def filled(described: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, tuple[str, tuple[int, ...], Any]]:
    rng = np.random.default_rng(0)
    return {
        name: (dtype, shape, (rng.normal(size=shape) * 100).astype(DTYPES[dtype]))
        for name, (dtype, shape) in described.items()
    }


def file(header: object, values: bytes = b"", *, length: int | None = None) -> bytes:
    table = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    table += b" " * (-len(table) % 8)
    return (len(table) if length is None else length).to_bytes(8, "little") + table + values


def info(shape: list[Any], start: int, stop: int, *, dtype: str = "F32", **extra: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop], **extra}


@given(tensors)
def test_safetensors_reads_what_we_write(described: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    written = filled(described)
    loaded = load(write_tensors(written))
    assert sorted(loaded) == sorted(written)
    for name, (dtype, shape, values) in written.items():
        assert loaded[name].dtype == DTYPES[dtype]
        assert loaded[name].shape == shape
        assert loaded[name].tobytes() == values.tobytes()


@given(tensors)
def test_reading_is_the_inverse_of_writing(described: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    written = filled(described)
    raw = write_tensors(written)
    header = read_header(raw)
    assert list(header) == sorted(written)
    for name, (dtype, shape, values) in written.items():
        extent = header[name]
        assert (extent.dtype, extent.shape) == (dtype, shape)
        assert raw[extent.start : extent.stop] == values.tobytes()


def test_order_of_insertion_does_not_matter() -> None:
    one: dict[str, tuple[str, tuple[int, ...], object]] = {
        "b": ("F32", (2,), array("f", [1, 2])),
        "a": ("I64", (1,), array("q", [3])),
    }
    assert write_tensors(one) == write_tensors(dict(reversed(one.items())))


def test_values_start_aligned() -> None:
    raw = write_tensors({"a": ("F64", (1,), array("d", [1.0]))})
    assert read_header(raw)["a"].start % 8 == 0


def test_a_file_of_the_safetensors_package_with_one_tensor_is_the_same() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert save({"kernel": values}) == write_tensors({"kernel": ("F32", (2, 3), values)})


def test_values_must_fill_their_shape() -> None:
    with pytest.raises(ValueError, match="Expected 12 bytes of F32"):
        write_tensors({"a": ("F32", (3,), array("f", [1, 2]))})


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "truncated"),
        (b"\x08\0\0\0\0\0\0", "truncated"),
        (file({"a": info([1], 0, 4)}, b"1234", length=10_000), "truncated"),
        (file({"a": info([1], 0, 4)}, b"1234", length=2**63), "truncated"),
        ((MAX_HEADER_BYTES + 8).to_bytes(8, "little") + bytes(MAX_HEADER_BYTES + 8), "an oversized header"),
        (file(b"\x80\x04\x95" + b"pickle" * 3), "a header that is not a table"),
        (file(b"[" * 3000), "a header that is not a table"),
        (file([1, 2]), "a header that is not a table"),
        (file({"a": info([1], 0, 4, extra=1)}, b"1234"), "unknown field `extra`"),
        (file({"__metadata__": {"a": "b"}}), "a header that is not a table"),
        (file({"a": info([-1], 0, 4)}, b"1234"), "Expected `int` >= 0"),
        (file({"a": info([1.0], 0, 4)}, b"1234"), "Expected `int`"),
        (file({"a": info([True], 0, 4)}, b"1234"), "Expected `int`"),
        (file({"a": info([1], 0, 4, dtype="U8")}, b"1234"), "a type that is not read"),
        (file({"a": info([2**62, 2**62], 0, 4)}, b"1234"), "a shape that its bytes do not have"),
        (file({"a": info([2], 0, 4)}, b"1234"), "a shape that its bytes do not have"),
        (file({"a": info([1] * 17, 0, 4)}, b"1234"), "too many dimensions"),
        (file({"a": info([1], 0, 4), "b": info([1], 0, 4)}, b"1234"), "an overlap"),
        (file({"a": info([1], 4, 0)}, b"1234"), "a hole"),
        (file({"a": info([1], 4, 8)}, b"12345678"), "a hole"),
        (file({"a": info([1], 0, 4)}, b"12345678"), "bytes after the last tensor"),
        (file({"a": info([2], 0, 8)}, b"1234"), "truncated"),
        (file({"b": info([1], 0, 4), "a": info([1], 4, 8)}, b"12345678"), "another form"),
        (file(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}         }', b"1234"), "another form"),
        (
            file(
                b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]},'
                b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
                b"1234",
            ),
            "a duplicate name",
        ),
    ],
)
def test_any_other_file_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_header(raw)
    assert "Refused, " in str(caught.value)
    assert reason in str(caught.value)


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(raw: bytes) -> None:
    try:
        read_header(raw)
    except ArtifactError:
        return
    assert raw == write_tensors({})


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({"kernel": (2, 3), "bias": (3,)}, "a weight is missing"),
        ({"kernel": (3, 2)}, "a shape mismatch"),
        ({"kernel": (6,)}, "a shape mismatch"),
        ({}, "an extra weight"),
    ],
)
def test_weights_must_have_the_graph_s_shapes(shapes: dict[str, tuple[int, ...]], reason: str) -> None:
    header = read_header(write_tensors({"kernel": ("F32", (2, 3), bytes(24))}))
    check_shapes(header, {"kernel": (2, 3)})
    with pytest.raises(ArtifactError, match=reason):
        check_shapes(header, shapes)


def test_weights_must_have_the_graph_s_type() -> None:
    header = read_header(write_tensors({"kernel": ("F64", (1,), bytes(8))}))
    with pytest.raises(ArtifactError, match="a type mismatch"):
        check_shapes(header, {"kernel": (1,)})
