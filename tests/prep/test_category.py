"""Categories: the commonest first, the reserved codes trained, later texts unseen."""

from __future__ import annotations

import numpy as np
import pytest

from ambidex.graph import Builder, Value, prepare
from ambidex.graph.ops.category import MISSING_CODE, UNSEEN_CODE
from ambidex.prep import category
from ambidex.prep.category import MASKED_SHARE, add_lookup, mask_codes, vocabulary


def texts(*values: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(values, dtype=object)


def test_the_commonest_text_comes_first_and_equals_in_alphabetical_order() -> None:
    assert vocabulary(texts("b", "a", "c", "", "c", "", "")) == ["c", "a", "b"]


def test_the_order_of_rows_does_not_matter(rng: np.random.Generator) -> None:
    column = rng.choice(texts("x", "y", "z", ""), 50)
    assert vocabulary(column) == vocabulary(np.sort(column))


def test_the_rarest_texts_of_too_many_are_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(category, "MAX_LEVELS", 2)
    assert vocabulary(texts("b", "a", "c", "c", "b")) == ["b", "c"]


def test_codes_are_below_the_size_of_their_column() -> None:
    builder = Builder([Value(name="texts", dtype="string", shape=("B", 2))])
    sample = np.array([["a", "x"], ["b", ""], ["a", "x"]], dtype=object)
    codes, sizes = add_lookup(builder, "texts", sample)
    graph = builder.build(prepared=[codes], raw_outputs=[], outputs={})
    rows = np.array([["a", "x"], ["b", ""], ["new", "y"]], dtype=object)
    assert prepare(graph, {"texts": rows})[codes].tolist() == [[2, 2], [3, 0], [1, 1]]
    assert sizes == (4, 3)


def test_a_share_of_the_training_codes_is_hidden(rng: np.random.Generator) -> None:
    codes = rng.integers(2, 9, size=(40_000, 2))
    codes[::3, 1] = MISSING_CODE
    masked = mask_codes(codes, 5)
    unseen, missing = (np.mean(masked == code, axis=0) for code in (UNSEEN_CODE, MISSING_CODE))
    assert unseen == pytest.approx([MASKED_SHARE] * 2, rel=0.15)
    assert float(missing[0]) == pytest.approx(MASKED_SHARE, rel=0.15)
    assert float(missing[1]) == pytest.approx((1 - MASKED_SHARE) / 3, rel=0.02)
    kept = (masked != UNSEEN_CODE) & (masked != MISSING_CODE)
    assert np.array_equal(masked[kept], codes[kept])


def test_which_codes_are_hidden_depends_on_the_seed_alone() -> None:
    codes = np.full((500, 1), 3)
    assert np.array_equal(mask_codes(codes, 1), mask_codes(codes, 1))
    assert not np.array_equal(mask_codes(codes, 1), mask_codes(codes, 2))
    assert codes.min() == 3, "the codes given are left as they were"
