"""Bytes with their lengths before them: there and back, and nothing half."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.ingest.texts import join_bytes, split_bytes


@given(st.lists(st.binary(max_size=20)))
def test_items_survive(items: list[bytes]) -> None:
    assert split_bytes(memoryview(join_bytes(items))) == items


def test_texts_and_other_labels_travel_as_text() -> None:
    assert split_bytes(memoryview(join_bytes(["ä", 7, b"\xff"]))) == ["ä".encode(), b"7", b"\xff"]


@pytest.mark.parametrize("raw", [b"\1", b"\5\0\0\0abc"])
def test_half_an_item_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="length"):
        split_bytes(memoryview(raw))
