"""What a server and a worker process say to each other over two pipes: a header in MessagePack, then raw tensors.

Nothing that is read can run: headers have closed types, tensors are bytes of known length. Numbers are little-endian,
texts have their length in four bytes before each of them, as in the Open Inference Protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import IO, Literal

import msgspec

MAX_HEADER = 16 * 1024 * 1024
MAX_TENSORS = 1024 * 1024 * 1024
"""Bytes of a message's tensors; beyond them one side takes the other for broken."""

_LENGTH = Struct("<I")


class Port(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input or output: datatypes are the Open Inference Protocol's, -1 is a free size, no shape is any shape.

    An input takes its own datatype, or also others of numbers, or anything and leaves it to the model. `labels` name
    the last dimension. Where there is no shape, `likely` is what the first weights say, which is told and not asked
    for, and `sample` one that the model answered.
    """

    name: str
    datatype: str
    shape: tuple[int, ...] | None = None
    takes: Literal["own", "numbers", "any"] = "own"
    labels: tuple[str, ...] = ()
    likely: tuple[int, ...] | None = None
    sample: tuple[int, ...] | None = None

    @property
    def told(self) -> tuple[int, ...] | None:
        """The shape that clients are told; None where even the rank is not known."""
        return self.likely if self.shape is None else self.shape


class Interface(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a foreign model takes and gives, and what runs it, such as 'scikit-learn 1.7.1'."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    runs_on: str


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tensor of a message."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    size: int


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To the worker: `run`. From it: `loaded` or `unloadable` once, then per run `answered` or `refused`."""

    kind: Literal["run", "loaded", "unloadable", "answered", "refused"]
    tensors: tuple[Header, ...] = ()
    wanted: tuple[str, ...] = ()
    interface: Interface | None = None
    text: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Message)


def write_message(pipe: IO[bytes], message: Message, contents: Sequence[bytes | memoryview] = ()) -> None:
    """Writes a message and the contents of its tensors. Raises `OSError` if nobody reads."""
    head = _encode(message)
    pipe.write(_LENGTH.pack(len(head)) + head)
    for content in contents:
        pipe.write(content)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> tuple[Message, list[memoryview]] | None:
    """The next message with its tensors' contents; None at the end. Raises `ValueError` for anything else."""
    first = pipe.read(_LENGTH.size)
    if not first:
        return None
    (length,) = _LENGTH.unpack(_whole(first, _LENGTH.size))
    if length > MAX_HEADER:
        raise ValueError(f"a header of {length} bytes")
    message = _decoder.decode(_whole(pipe.read(length), length))
    sizes = [tensor.size for tensor in message.tensors]
    if min(sizes, default=0) < 0 or sum(sizes) > MAX_TENSORS:
        raise ValueError(f"tensors of {sum(sizes)} bytes")
    return message, [memoryview(_whole(pipe.read(size), size)) for size in sizes]


def _whole(part: bytes, length: int) -> bytes:
    if len(part) != length:
        raise ValueError("half a message")
    return part
