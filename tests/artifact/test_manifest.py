from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.artifact.samples import manifest

from ambidex.artifact.manifest import Manifest, decode_manifest, encode_manifest
from ambidex.artifact.strict_json import decode_json, depth_of, encode_json
from ambidex.errors import ArtifactError, DataError
from ambidex.schema import Column, Frequency, Schema, Target, Task


def changed(**fields: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(encode_manifest(manifest())), **fields})


def test_decoding_is_the_inverse_of_encoding() -> None:
    assert decode_manifest(encode_manifest(manifest())) == manifest()


def test_a_forecast_s_schema_survives() -> None:
    task = Task(
        kind="forecast",
        targets=(Target(name="OT"),),
        quantiles=(0.1, 0.9),
        horizon=24,
        min_history=96,
        max_history=None,
        frequency=Frequency(unit="month", count=1),
    )
    columns = (
        Column(name="date", kind="time", role="time", example=0),
        Column(name="OT", kind="number", role="target"),
    )
    given_one = msgspec.structs.replace(manifest(), schema=Schema(columns=columns, task=task))
    assert decode_manifest(encode_manifest(given_one)) == given_one


@pytest.mark.parametrize("classes", [("no", "yes"), (0, 1, 2)])
def test_labels_keep_their_type(classes: tuple[str | int, ...]) -> None:
    task = Task(kind="multiclass", targets=(Target(name="y", classes=classes),))
    given_one = msgspec.structs.replace(manifest(), schema=Schema(columns=(), task=task))
    assert decode_manifest(encode_manifest(given_one)).schema.task.targets[0].classes == classes


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "Expected a valid manifest.json, got this: Input data was truncated."),
        (b"[]", "Expected a valid manifest.json, got this: Expected `object`, got `array`."),
        (b"{}", "Object missing required field `format`"),
        (
            changed(format=7),
            "Expected format 1 or earlier, got format 7 at manifest.json. It was made by a newer ambidex",
        ),
        (changed(format=0), "Expected a format number from 1 to 1, got 0"),
        (changed(format="1"), "Expected `int`, got `str` - at `$.format`"),
        (changed(extra=1), "Object contains unknown field `extra`"),
        (changed(made_by={"ambidex": "1", "time": 1}), "unknown field `time` - at `$.made_by`"),
        (changed(metadata={"a": 1}), "Expected `str`, got `int` - at `$.metadata[...]`"),
        (encode_manifest(manifest()) + b" {}", "JSON is malformed"),
        (b'{"format": NaN}', "JSON is malformed"),
        (b'{"format": "\xff"}', "Expected a valid manifest.json"),
    ],
)
def test_anything_else_is_refused_with_its_place(raw: bytes, message: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        decode_manifest(raw)
    assert message in str(caught.value)


nested = st.recursive(
    st.none() | st.text('[]{}"\\a'), lambda inner: st.lists(inner) | st.dictionaries(st.text('[{"\\'), inner)
)


def true_depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(true_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(true_depth, value), default=0)
    return 0


@given(nested)
def test_depth_is_counted_outside_of_texts(value: object) -> None:
    many = [value, *[[]] * 70]  # more brackets than the limit, so that they are counted one by one
    assert depth_of(msgspec.json.encode(many)) == true_depth(many)


def test_depth_has_a_bound_that_a_long_flat_list_does_not_reach() -> None:
    flat = b"[" + b"[]," * 10_000 + b"[]]"
    assert depth_of(flat) == 2
    with pytest.raises(ArtifactError, match="Expected JSON of depth 64"):
        decode_json(b"[" * 65 + b"]" * 65, Manifest, entry="manifest.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused_with_their_place(value: float) -> None:
    with pytest.raises(DataError, match=r"at \$\.a\[1\]\."):
        encode_json({"a": [1.0, value]})
