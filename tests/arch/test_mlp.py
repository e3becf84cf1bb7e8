"""Widths of embeddings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ambidex.arch.mlp import embedding_width


@given(st.integers(1, 10**6))
def test_an_embedding_grows_with_its_categories_within_bounds(size: int) -> None:
    assert 2 <= embedding_width(size) <= embedding_width(size + 1) <= 32
