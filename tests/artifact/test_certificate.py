from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ambidex.artifact import Certificate, Edition
from ambidex.artifact.certificate import decode_certificate, encode_certificate
from ambidex.errors import ArtifactError, DataError


def certificate(**fields: Any) -> Certificate:
    editions = {
        "onnx": Edition(status="passed", max_abs=1e-7, mean_abs=1e-8, rows=256, tolerance=1e-6),
        "jax": Edition(status="not_run", reason="jax is not installed"),
    }
    given: dict[str, Any] = {
        "rows": {"age": [39.0, None], "job": ["Farmer", ""]},
        "outputs": {"income_probabilities": [[0.25, 0.75], [0.5, 0.5]]},
        "editions": editions,
        "rows_compared": 256,
    }
    return Certificate(**{**given, **fields})


def test_decoding_is_the_inverse_of_encoding() -> None:
    assert decode_certificate(encode_certificate(certificate())) == certificate()


def test_numbers_keep_every_bit() -> None:
    values = [0.1, 1 / 3, 1e-300, -0.0, 2**53 + 1]
    kept = decode_certificate(encode_certificate(certificate(rows={"x": values}, outputs={}))).rows["x"]
    assert [float(value).hex() for value in kept] == [float(value).hex() for value in values]


def test_missing_is_null_and_never_nan() -> None:
    assert b"null" in encode_certificate(certificate())
    with pytest.raises(
        DataError, match=r"Expected finite numbers, and null for what is missing, got nan at \$\.rows\.x\[0\]"
    ):
        encode_certificate(certificate(rows={"x": [float("nan")]}, outputs={}))


def test_it_holds_unless_an_edition_failed() -> None:
    assert certificate().holds
    assert not certificate(editions={"torch": Edition(status="failed", reason="0.1 > 1e-6")}).holds


@pytest.mark.parametrize(
    ("rows", "message"),
    [({"a": [1], "b": [1, 2]}, "Expected one number of rows"), ({"a": [1] * 21}, "Expected at most 20 rows, got 21")],
)
def test_rows_are_few_and_equally_many(rows: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        certificate(rows=rows, outputs={})
    raw = msgspec.json.encode({**msgspec.to_builtins(certificate()), "rows": rows, "outputs": {}})
    with pytest.raises(ArtifactError, match=message):
        decode_certificate(raw)


def test_an_unknown_status_is_refused() -> None:
    raw = encode_certificate(certificate()).replace(b'"not_run"', b'"maybe"')
    with pytest.raises(ArtifactError, match="Invalid enum value 'maybe'"):
        decode_certificate(raw)
