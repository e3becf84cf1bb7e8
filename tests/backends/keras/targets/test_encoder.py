"""The reference encoder, step by step beside the NumPy edition, which it must not import."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.backends.keras.plain.test_table import in_prepare
from tests.backends.keras.targets.sources import WINDOW, series_source, table_source
from tests.export.onnx.edition import assert_close
from tests.export.onnx.models import draw_inputs
from tests.export.onnx.ops.test_time import STAMPS
from tests.graph.examples import EXAMPLES, Example
from tests.graph.examples import draw as draw_example
from tests.graph.ops.running import run
from tests.tolerances import INVERSE_FLOAT64, SAME_FLOAT64

from ambidex.backends.keras.targets.encoder import OPS, Encoder, calendar_part, follow, narrow
from ambidex.backends.keras.targets.litert import with_fixed_time
from ambidex.backends.keras.targets.preparation import check_encoder, preparation_table, raw_row
from ambidex.errors import BackendError, CertificateError
from ambidex.graph import OPS as ALL_OPS
from ambidex.graph import Builder, Value, decode, prepare, run_network
from ambidex.graph.ops.time import PARTS

pytestmark = pytest.mark.tensorflow

# What it does not do, each with the reason.
IN_NETWORKS = "computed by the model itself, and used by no preparation or decoding"
WITHOUT = {name: IN_NETWORKS for name, op in ALL_OPS.items() if op.is_network and name not in OPS}


def test_every_step_of_preparation_and_decoding_is_there() -> None:
    assert set(OPS) | set(WITHOUT) == set(ALL_OPS)
    assert {name for name, op in ALL_OPS.items() if not op.is_network} <= set(OPS)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.op in OPS], ids=lambda e: e.op)
def test_each_step_is_the_numpy_edition(example: Example, rng: np.random.Generator) -> None:
    node = in_prepare(example).prepare[0]
    inputs = {entry.name: draw_example(entry, rng) for entry in example.inputs}
    step = {"name": "result", "op": node.op, "inputs": node.inputs, "attrs": node.attrs}
    got = follow([step], {name: array.tolist() for name, array in inputs.items()})["result"]
    wanted = run(example.op, *inputs.values(), **node.attrs)
    assert_close(np.array(got, dtype=wanted.dtype), wanted, SAME_FLOAT64)


@pytest.mark.parametrize("part", PARTS)
def test_calendar_parts_are_exact(part: str) -> None:
    stamps = np.array([[stamp] for stamp in STAMPS])
    wanted = run("calendar", stamps, parts=[part])
    np.testing.assert_array_equal([[calendar_part(stamp, part)] for stamp in STAMPS], wanted)


@pytest.mark.parametrize("share", [0.35, 1.0])
def test_gaps_are_filled_wherever_they_are(share: float, rng: np.random.Generator) -> None:
    x = np.where(rng.random((4, 9, 3)) < share, np.nan, rng.normal(0, 3, (4, 9, 3)))
    np.testing.assert_array_equal(OPS["fill_steps"]([x.tolist()], {}), run("fill_steps", x))


def test_float32_is_rounded_as_numpy_rounds(rng: np.random.Generator) -> None:
    numbers = [*rng.normal(0, 1e3, 200).tolist(), 1e39, -1e39, 1e-46, float("inf")]
    with np.errstate(over="ignore", under="ignore"):
        wanted = np.array(numbers).astype(np.float32)
    np.testing.assert_array_equal(np.array([narrow(number) for number in numbers], np.float32), wanted)


@pytest.mark.parametrize("make", [table_source, series_source])
def test_rows_become_the_tensors_of_the_reference_and_answers_come_back(make: Any, rng: np.random.Generator) -> None:
    source = make(rng)
    encoder = Encoder(msgspec.json.decode(preparation_table(source, with_fixed_time(source))))
    values = prepare(source.graph, source.rows)
    raw = run_network(source.graph, values, source.weights)
    wanted = decode(source.graph, raw, values)
    for position in range(5):
        encoded = encoder.encode(raw_row(source, position))
        for name in source.graph.prepared:
            got = np.array(encoded.tensors[name], dtype=values[name].dtype)
            np.testing.assert_allclose(got, values[name][position : position + 1], rtol=1e-6, atol=1e-6)
        answers = encoder.decode(encoded, {name: raw[name][position : position + 1].tolist() for name in raw})
        for name, answer in answers.items():
            expected = wanted[name][position : position + 1]
            assert_close(np.array([answer], dtype=expected.dtype), expected, INVERSE_FLOAT64)


def test_a_longer_history_is_cut_and_a_shorter_one_refused(rng: np.random.Generator) -> None:
    source = series_source(rng)
    encoder = Encoder(msgspec.json.decode(preparation_table(source, with_fixed_time(source))))
    longer = dataclasses.replace(source, rows=draw_inputs(source.graph, rng, 1, WINDOW + 3))
    row = raw_row(longer, 0)
    cut = {**row, "history": row["history"][-WINDOW:]}
    assert encoder.encode(row).tensors == encoder.encode(cut).tensors
    with pytest.raises(ValueError, match=r"^Expected a history of 6 rows, got 2\.$"):
        encoder.encode({**row, "history": row["history"][:2]})


def test_an_encoder_that_prepares_otherwise_is_noticed(rng: np.random.Generator) -> None:
    source = table_source(rng)
    table = preparation_table(source, source.graph)
    check_encoder(source, table)
    with pytest.raises(CertificateError, match=r"^Expected the encoder to prepare what the reference prepares, got an"):
        check_encoder(source, table.replace(b'"limit":3.0', b'"limit":2.0'))


def test_a_step_that_the_encoder_lacks_is_refused_by_name(rng: np.random.Generator) -> None:
    builder = Builder([Value(name="numbers", dtype="float64", shape=("B", 3))])
    x = builder.add("prepare", "squashed", "gelu", "numbers")
    graph = builder.build(prepared=[x], raw_outputs=[], outputs={})
    source = table_source(rng)
    message = (
        r"^Expected steps that the encoder beside the model knows, got op 'gelu', which it lacks at node 'squashed'"
    )
    with pytest.raises(BackendError, match=message):
        preparation_table(source, graph)
