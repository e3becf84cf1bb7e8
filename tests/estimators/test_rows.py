from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.errors import DataError
from ambidex.estimators.labels import are_texts, distinct_labels, original_classes, positions
from ambidex.estimators.rows import free_name, read_rows, split_target, split_weight

PLAIN = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}


@pytest.mark.parametrize(
    "rows",
    [
        PLAIN,
        pd.DataFrame(PLAIN),
        pl.DataFrame(PLAIN),
        pa.table(PLAIN),
        [{"a": a, "b": b} for a, b in zip(*PLAIN.values(), strict=True)],
        np.array([(1.0, 4.0), (2.0, 5.0), (3.0, 6.0)], dtype=[("a", "f8"), ("b", "f8")]),
    ],
)
def test_rows_with_names_keep_them(rows: Any) -> None:
    table = read_rows(rows, names=("other", "names"))
    assert table.names == ("a", "b")
    assert list(table.column("b")) == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("rows", [np.array([[1.0, 4.0], [2.0, 5.0]]), [[1.0, 4.0], [2.0, 5.0]], ((1.0, 4.0), (2, 5))])
def test_rows_without_names_are_counted(rows: Any) -> None:
    assert read_rows(rows).names == ("x0", "x1")
    assert read_rows(rows, names=("a", "b")).column("b").tolist() == [4.0, 5.0]
    with pytest.raises(DataError, match="X has 2 features, but Owner is expecting 3 features as input"):
        read_rows(rows, names=("a", "b", "c"), owner="Owner")


def test_lists_of_mixed_rows_keep_their_types() -> None:
    table = read_rows([[1.5, "a"], [2.5, "b"]])
    assert (table.column("x0"), table.column("x1")) == ([1.5, 2.5], ["a", "b"])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([1.0, 2.0], "Reshape your data"),
        (np.zeros((2, 2, 2)), "rows and columns"),
        ([[1.0], [1.0, 2.0]], "rows of one length"),
        (np.array([[1j]]), "Complex data not supported"),
        (np.empty((0, 3)), r"0 sample\(s\) \(shape=\(0, 3\)\)"),
        (np.empty((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\)"),
        ("text", "rows and columns"),
    ],
)
def test_what_is_no_table_is_refused(rows: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_rows(rows)


def test_a_target_is_a_column_or_values() -> None:
    table = read_rows(PLAIN)
    rest, targets = split_target(table, "b", "Owner")
    assert (rest.names, targets) == (("a",), {"b": [4.0, 5.0, 6.0]})
    for y, name in (
        ([7, 8, 9], "target"),
        (np.array([7, 8, 9]), "target"),
        (np.array([[7], [8], [9]]), "target"),
        (pd.Series([7, 8, 9], name="c"), "c"),
        (pl.Series("c", [7, 8, 9]), "c"),
        (pd.DataFrame({"c": [7, 8, 9]}), "c"),
        (pa.chunked_array([[7, 8], [9]]), "target"),
    ):
        rest, targets = split_target(table, y, "Owner")
        assert rest is table
        assert list(targets) == [name]
        assert list(targets[name]) == [7, 8, 9]


def test_several_targets_are_names_or_columns() -> None:
    table = read_rows({**PLAIN, "c": [7, 8, 9]})
    assert list(split_target(table, ["b", "c"], "Owner")[1]) == ["b", "c"]
    array = np.array([[1, 2], [3, 4], [5, 6]])
    assert list(split_target(table, array, "Owner")[1]) == ["target_0", "target_1"]
    assert list(split_target(table, pd.DataFrame(array, columns=["u", "v"]), "Owner")[1]) == ["u", "v"]


def test_weights_are_a_column_or_numbers() -> None:
    table = read_rows(PLAIN)
    assert split_weight(table, None) == (table, None)
    rest, weight = split_weight(table, "a")
    assert (rest.names, list(weight)) == (("b",), [1.0, 2.0, 3.0])
    with pytest.raises(DataError, match=r"one weight for each of 3 rows, got an array of shape \(2,\)"):
        split_weight(table, [1, 2])


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert free_name("w", ["a"]) == "w"
    assert free_name("w", ["w", "w_1"]) == "w_2"


@pytest.mark.parametrize(
    ("given_labels", "classes", "expected", "kind"),
    [
        (np.array(["b", "a"]), ("a", "b"), ["a", "b"], "U"),
        (np.array(["b", "a"], dtype=object), ("a", "b"), ["a", "b"], "O"),
        (["1", "0", None], ("0", "1"), ["0", "1"], "O"),
        (np.array([3, 1], dtype=np.int8), (1, 3), [1, 3], "i"),
        (np.array([3.0, 1.0, np.nan]), (1, 3), [1.0, 3.0], "f"),
        (np.array([True, False]), ("false", "true"), [False, True], "b"),
        ([True, False, None], ("false", "true"), [False, True], "b"),
        ([5, 2, None], (2, 5), [2, 5], "i"),
    ],
)
def test_labels_come_back_in_their_type(
    given_labels: Any, classes: tuple[str | int, ...], expected: list[Any], kind: str
) -> None:
    from ambidex.data.frames import values_of

    found = original_classes(values_of(given_labels, "y"), given_labels, classes)
    assert found.tolist() == expected
    assert found.dtype.kind == kind


def test_texts_that_look_like_numbers_are_texts() -> None:
    assert are_texts(["1", "2"])
    assert not are_texts([1, 2])
    assert not are_texts(np.array([1, 2]))


def test_fractions_are_no_classes() -> None:
    with pytest.raises(DataError, match=r"Expected classes as the target, got 0.5 .*Use TabularRegressor"):
        distinct_labels(np.array([0.0, 0.5, np.nan]))


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=1, unique=True), st.data())
def test_positions_are_the_inverse_of_classes(labels: list[str], data: st.DataObject) -> None:
    classes = sorted(labels)
    chosen = data.draw(st.lists(st.sampled_from(classes), min_size=1))
    at = positions(np.array(chosen, dtype=object), classes)
    assert [classes[position] for position in at] == chosen
