"""Training and validation parts share nothing and cover everything."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.data.split import (
    Split,
    group_split,
    hash_split,
    random_split,
    split_table,
    stratified_split,
    time_split,
)
from ambidex.data.table import Table
from ambidex.errors import DataError, UsageError
from ambidex.schema import MISSING_TIME

FRACTIONS = st.floats(0.01, 0.99)


def check(split: Split, num_rows: int) -> None:
    assert sorted([*split.train.tolist(), *split.validation.tolist()]) == list(range(num_rows))
    assert len(split.train)
    assert len(split.validation)


@given(st.integers(2, 60), FRACTIONS, st.integers(0, 5))
def test_random_rows_are_as_many_as_asked(num_rows: int, fraction: float, seed: int) -> None:
    split = random_split(num_rows, fraction, seed)
    check(split, num_rows)
    assert abs(len(split.validation) - num_rows * fraction) <= 1
    assert random_split(num_rows, fraction, seed).validation.tolist() == split.validation.tolist()


def test_another_seed_draws_other_rows() -> None:
    assert random_split(100, 0.2, 0).validation.tolist() != random_split(100, 0.2, 1).validation.tolist()


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=60), FRACTIONS, st.integers(0, 5))
def test_every_class_keeps_a_training_row(labels: list[str], fraction: float, seed: int) -> None:
    split = stratified_split(labels, fraction, seed)
    check(split, len(labels))
    counts = Counter(labels)
    kept = Counter(labels[row] for row in split.train)
    if any(count > 1 for count in counts.values()):
        assert kept.keys() == counts.keys()


def test_shares_of_the_classes_are_kept() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    split = stratified_split(labels, 0.2, 0)
    assert Counter(labels[split.validation].tolist()) == {0: 18, 1: 2}


def test_a_class_of_one_row_is_trained_on_and_said() -> None:
    split = stratified_split(["a"] * 10 + ["b"], 0.3, 0)
    assert 10 in split.train
    assert split.notes[-1] == "classes with one row are in training only: b"


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), FRACTIONS)
def test_time_never_runs_backwards(times: list[int], fraction: float) -> None:
    stamps = np.array(times, dtype=np.int64)
    if len(set(times)) < 2:
        with pytest.raises(DataError, match="two different times"):
            time_split(stamps, fraction)
        return
    split = time_split(stamps, fraction)
    check(split, len(times))
    assert stamps[split.train].max() < stamps[split.validation].min()


def test_rows_without_a_time_are_trained_on_and_said() -> None:
    split = time_split(np.array([3, MISSING_TIME, 1, 2]), 0.3)
    assert split.validation.tolist() == [0]
    assert split.notes[-1] == "1 rows without a time are for training"


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=60), FRACTIONS, st.integers(0, 5))
def test_groups_never_straddle(groups: list[str], fraction: float, seed: int) -> None:
    if len(set(groups)) < 2:
        with pytest.raises(DataError, match="at least 2 groups"):
            group_split(groups, fraction, seed)
        return
    split = group_split(groups, fraction, seed)
    check(split, len(groups))
    assert not {groups[row] for row in split.train} & {groups[row] for row in split.validation}


def test_a_hash_puts_a_row_in_the_same_part_of_every_file() -> None:
    names = [f"customer {i}" for i in range(1000)]
    split = hash_split(names, 0.2)
    check(split, 1000)
    assert 150 < len(split.validation) < 250
    later = hash_split(names[500:], 0.2)
    assert [row + 500 for row in later.validation] == [row for row in split.validation if row >= 500]
    assert hash_split(["a", "b", "c", "d", "e"], 0.5).validation.tolist() == [0, 2, 4]


@pytest.mark.parametrize("num_rows", [0, 1])
def test_one_row_cannot_be_split(num_rows: int) -> None:
    with pytest.raises(DataError, match="at least 2 rows"):
        random_split(num_rows, 0.5, 0)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_fraction_is_between_nothing_and_all(fraction: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        random_split(10, fraction, 0)


def test_the_ways_to_split_a_table() -> None:
    table = Table({"g": ["a", "a", "b", "b", None, "c"], "n": np.arange(6)})
    check(split_table(table, "random", fraction=0.3, seed=0), 6)
    check(split_table(table, "random", fraction=0.3, seed=0, labels=np.array([0, 0, 0, 1, 1, 1])), 6)
    check(split_table(table, "group:g", fraction=0.3, seed=0), 6)
    check(split_table(table, "hash:n", fraction=0.5, seed=0), 6)
    assert split_table(table, "time", fraction=0.3, seed=0, times=np.arange(6)).validation.tolist() == [4, 5]


@pytest.mark.parametrize(
    ("how", "message"), [("time", "time column"), ("kfold", "got 'kfold'"), ("group:", "group:COL")]
)
def test_an_unknown_way_is_refused(how: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split_table(Table({"g": ["a", "b"]}), how, fraction=0.5, seed=0)


def test_a_group_column_must_exist() -> None:
    with pytest.raises(DataError, match="Did you mean 'shop'"):
        split_table(Table({"shop": ["a", "b"]}), "group:shp", fraction=0.5, seed=0)
