"""The contract: which columns are packed into which tensor, and that it survives JSON."""

from __future__ import annotations

import msgspec
import pytest

from ambidex.errors import DataError
from ambidex.schema import Column, Frequency, NumberFormat, Schema, Target, Task, packed_layout

TABLE = Schema(
    columns=(
        Column(name="age", kind="number", number_format=NumberFormat(decimal=",")),
        Column(name="job", kind="text", levels=("clerk", "cook")),
        Column(name="income", kind="text", role="target"),
        Column(name="member", kind="flag"),
        Column(name="since", kind="time", time_format="%d.%m.%Y"),
        Column(name="count", kind="number", role="weight"),
    ),
    task=Task(kind="binary", targets=(Target(name="income", classes=("<=50K", ">50K")),)),
)
SERIES = Schema(
    columns=(
        Column(name="wind", kind="number", role="past"),
        Column(name="date", kind="time", role="time"),
        Column(name="price", kind="number", role="target"),
        Column(name="shop", kind="text", role="series"),
        Column(name="holiday", kind="flag", role="future"),
        Column(name="load", kind="number", role="target"),
        Column(name="region", kind="text", role="static"),
    ),
    task=Task(
        kind="forecast",
        targets=(Target(name="load"), Target(name="price")),
        horizon=24,
        quantiles=(0.1, 0.9),
        frequency=Frequency(unit="month", count=1),
    ),
)


def layout(schema: Schema) -> dict[str, tuple[str, str, list[str]]]:
    return {
        each.name: (each.span, each.dtype, [column.name for column in each.columns]) for each in packed_layout(schema)
    }


def test_the_features_of_a_table_are_packed_by_type_in_schema_order() -> None:
    assert layout(TABLE) == {
        "numbers": ("row", "float64", ["age", "member"]),
        "texts": ("row", "string", ["job"]),
        "times": ("row", "int64", ["since"]),
    }


def test_the_targets_of_a_series_come_first_in_the_order_of_the_task() -> None:
    assert layout(SERIES) == {
        "numbers": ("history", "float64", ["load", "price", "wind", "holiday"]),
        "times": ("history", "int64", ["date"]),
        "future_numbers": ("future", "float64", ["holiday"]),
        "static_texts": ("static", "string", ["region"]),
    }


def test_groups_without_columns_do_not_exist() -> None:
    few = msgspec.structs.replace(TABLE, columns=TABLE.columns[1:3])
    assert list(layout(few)) == ["texts"]


@pytest.mark.parametrize("schema", [TABLE, SERIES])
def test_a_schema_survives_json(schema: Schema) -> None:
    assert msgspec.json.decode(msgspec.json.encode(schema), type=Schema) == schema


def test_labels_may_be_numbers_or_texts() -> None:
    for classes in ((0, 1), ("0", "1")):
        task = Task(kind="binary", targets=(Target(name="y", classes=classes),))
        assert msgspec.json.decode(msgspec.json.encode(task), type=Task).targets[0].classes == classes


def test_columns_are_found_by_name_and_by_role() -> None:
    assert TABLE.column("job").levels == ("clerk", "cook")
    assert [column.name for column in SERIES.by_role("target", "past")] == ["wind", "price", "load"]


def test_an_unknown_column_brings_the_nearest_one() -> None:
    with pytest.raises(DataError) as caught:
        TABLE.column("incom")
    assert str(caught.value) == (
        "Expected one of age, count, income, job, member, since, got column 'incom'. Did you mean 'income'?"
    )
    assert caught.value.where == "incom"


@pytest.mark.parametrize(
    ("kind", "is_classification"), [("binary", True), ("multiclass", True), ("regression", False), ("forecast", False)]
)
def test_classes_are_the_answer_of_two_tasks(kind: str, is_classification: bool) -> None:
    assert msgspec.convert({"kind": kind, "targets": []}, Task).is_classification is is_classification


def test_a_field_that_no_record_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `unit`"):
        msgspec.convert({"name": "x", "kind": "number", "unit": "kg"}, Column)
