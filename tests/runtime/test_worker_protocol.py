"""Messages between a server and a worker survive the way, and what is none is refused."""

from __future__ import annotations

from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambidex.runtime.worker_protocol import MAX_HEADER, MAX_TENSORS, Header, Message, read_message, write_message

RUN = Message(kind="run", tensors=(Header(name="x", datatype="FP32", shape=(2, 1), size=8),), wanted=("y",))


@given(st.lists(st.binary(max_size=50), max_size=4), st.text())
def test_what_is_written_is_read_again(contents: list[bytes], text: str) -> None:
    tensors = tuple(
        Header(name=str(at), datatype="BYTES", shape=(at,), size=len(raw)) for at, raw in enumerate(contents)
    )
    message = Message(kind="answered", tensors=tensors, text=text)
    pipe = BytesIO()
    write_message(pipe, message, contents)
    write_message(pipe, RUN, [b"12345678"])
    pipe.seek(0)
    assert read_message(pipe) == (message, [memoryview(raw) for raw in contents])
    assert read_message(pipe) == (RUN, [memoryview(b"12345678")])
    assert read_message(pipe) is None


@given(st.integers(min_value=1, max_value=60))
def test_half_a_message_is_an_error(length: int) -> None:
    pipe = BytesIO()
    write_message(pipe, RUN, [b"12345678"])
    whole = pipe.getvalue()
    with pytest.raises(ValueError, match=r"half a message|truncated"):
        read_message(BytesIO(whole[: min(length, len(whole) - 1)]))


def test_sizes_that_cannot_be_meant_are_refused_before_they_are_read() -> None:
    with pytest.raises(ValueError, match="a header of"):
        read_message(BytesIO((MAX_HEADER + 1).to_bytes(4, "little")))
    for size in (-1, MAX_TENSORS + 1):
        huge = Message(kind="run", tensors=(Header(name="x", datatype="FP32", shape=(1,), size=size),))
        head = msgspec.msgpack.encode(huge)
        with pytest.raises(ValueError, match="tensors of"):
            read_message(BytesIO(len(head).to_bytes(4, "little") + head))


def test_other_bytes_are_no_message() -> None:
    with pytest.raises(ValueError, match=r"."):
        read_message(BytesIO(b"\x05\0\0\0hello"))
