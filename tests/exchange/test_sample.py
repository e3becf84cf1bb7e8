"""How a user's rows are read, without any engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ambidex.errors import UsageError
from ambidex.exchange.sample import Specs, as_arrays, outputs_of

ONE: Specs = [((4,), 0)]
TWO: Specs = [((2,), 0), ((None, 3), 0)]


@pytest.mark.parametrize("specs", [None, ONE])
@pytest.mark.parametrize("sample", [[[1, 2, 3, 4]], ((1, 2, 3, 4), (5, 6, 7, 8)), [np.zeros((2, 4))], np.zeros((2, 4))])
def test_lists_of_numbers_are_the_rows_of_one_input(sample: Any, specs: Specs | None) -> None:
    (array,) = as_arrays(sample, specs)
    assert array.shape[1:] == (4,)


def test_whole_numbers_in_lists_become_what_the_input_takes() -> None:
    codes: Specs = [((2,), 9)]
    assert as_arrays([[1, 2, 3, 4]], ONE)[0].dtype == np.float32
    assert as_arrays([[1, 2]], codes)[0].dtype == as_arrays([[1, 2]])[0].dtype == np.int64


def test_an_array_for_each_input_may_be_lists_where_there_are_several() -> None:
    given = [[1.0, 2.0]], np.zeros((1, 7, 3))
    assert [array.shape for array in as_arrays(given, TWO)] == [(1, 2), (1, 7, 3)]


def test_a_column_may_come_without_its_axis() -> None:
    assert as_arrays([1.0, 2.0], [((1,), 0)])[0].shape == (2,)


@pytest.mark.parametrize(
    ("sample", "specs", "message"),
    [
        (np.zeros((3, 5)), ONE, "Expected rows of shape (B, 4), got (3, 5) at sample."),
        ([1.0, 2.0], ONE, "Expected rows of shape (B, 4), got (2,) at sample."),
        (np.zeros((3, 2)), TWO, "Expected rows of shape (B, 2) and (B, T, 3), got (3, 2) at sample."),
        ("abc", None, "Expected arrays of numbers or of codes, rows first, got <U3 () at sample."),
    ],
)
def test_rows_of_another_form_are_refused(sample: Any, specs: Specs | None, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        as_arrays(sample, specs)
    assert raised.value.message == message


def test_rows_of_unequal_length_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Expected arrays of numbers, rows first, got setting an array element"):
        as_arrays([[1, 2], [3]])


def test_what_a_network_raises_is_told_plainly() -> None:
    class Engine:
        def run(self, network: Any, inputs: Any) -> Any:
            raise ValueError(
                "Exception encountered when calling \x1b[1mNet.call()\x1b[0m.\n\n\x1b[1mno such axis.\x1b[0m\n\nmore"
            )

    with pytest.raises(UsageError) as raised:
        outputs_of(None, Engine(), [])
    assert raised.value.message == "Expected a sample that the network takes, got no such axis at sample."
