"""Bound buffers for one set of input shapes: a small run costs one native call instead of a dozen.

A frame owns memory for the inputs and keeps the results of its first run for the next ones to overwrite. Only one
run uses a frame at a time; a pool per set of shapes hands them out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ambidex.runtime.c_tensor import ELEMENT_CODES, Reader, check_flags, shape_array
from ambidex.runtime.feed import FORMATS, check_size, check_texts, wrong_data
from ambidex.runtime.library import Api
from ambidex.runtime.session import Signature
from ambidex.schema.tensor import Tensor

Shapes = tuple[tuple[int, ...], ...]

MAX_BYTES = 32 * 1024
"""Inputs or results larger than this are not worth keeping bound: their copies would cost more than the calls."""
MAX_KEYS = 32
MAX_IDLE = 8


class Handle:
    """Owns the native session: it is released when the last run or frame that uses it has ended."""

    __slots__ = ("api", "pointer")

    def __init__(self, api: Api, pointer: int) -> None:
        self.api = api
        self.pointer = pointer

    def __del__(self) -> None:
        self.api.release_session(self.pointer)


class Selection:
    """The outputs one caller asks for: their signatures, their names for native code, and idle frames by shapes."""

    __slots__ = ("_idle", "names", "signatures")

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self.signatures = tuple(signatures)
        self.names = name_array([signature.name for signature in signatures])
        self._idle: dict[Shapes, list[Frame]] = {}

    def borrow(self, shapes: Shapes) -> Frame | None:
        """An idle frame for these shapes."""
        frames = self._idle.get(shapes)
        try:
            return frames.pop() if frames else None
        except IndexError:  # another thread was faster
            return None

    def give_back(self, shapes: Shapes, frame: Frame) -> None:
        """Keeps the frame for a later run, unless there are enough of them."""
        if shapes not in self._idle and len(self._idle) >= MAX_KEYS:
            self._idle.clear()
        frames = self._idle.setdefault(shapes, [])
        if len(frames) < MAX_IDLE and frame.is_small:
            frames.append(frame)


class Frame:
    """Bound inputs and results of one run at a time."""

    __slots__ = (
        "_handle",
        "_inputs",
        "_names",
        "_output_names",
        "_readers",
        "_results",
        "_signatures",
        "_targets",
        "_values",
        "is_small",
    )

    def __init__(self, handle: Handle, inputs: Sequence[Signature], names: Any, selection: Selection) -> None:
        self._handle = handle
        self._inputs = inputs
        self._names = names
        # Not the selection itself, which holds idle frames: in a circle they would outlive their model.
        self._output_names = selection.names
        self._signatures = selection.signatures
        self._values = (ctypes.c_void_p * len(inputs))()
        self._results = (ctypes.c_void_p * len(selection.signatures))()
        self._targets: list[Any] = []
        self._readers: list[Reader] = []
        self.is_small = True

    def bind(self, shapes: Shapes) -> None:
        """Allocates the inputs."""
        api = self._handle.api
        for position, (signature, shape) in enumerate(zip(self._inputs, shapes, strict=True)):
            value, code = ctypes.c_void_p(), ELEMENT_CODES[signature.dtype]
            sizes = shape_array(shape)
            if signature.dtype == "string":
                api.check_run(api.create_tensor(api.allocator, sizes, len(shape), code, ctypes.byref(value)))
                self._targets.append(ctypes.c_char_p * prod(shape))
            else:
                buffer = ctypes.create_string_buffer(prod(shape) * FORMATS[signature.dtype][1])
                info, size = api.memory_info, len(buffer)
                api.check_run(api.wrap_tensor(info, buffer, size, sizes, len(shape), code, ctypes.byref(value)))
                self._targets.append(memoryview(buffer).cast("B"))
            self._values[position] = value.value

    def fill(self, feeds: Mapping[str, Tensor]) -> None:
        """Copies the tensors into the bound inputs. Raises `DataError` for values of another type or number."""
        for position, signature in enumerate(self._inputs):
            tensor, target = feeds[signature.name], self._targets[position]
            if signature.dtype == "string":
                self._fill_texts(position, signature, tensor, target)
            else:
                _copy(signature, tensor, target)

    def _fill_texts(self, position: int, signature: Signature, tensor: Tensor, pointers: Any) -> None:
        api = self._handle.api
        texts = check_texts(signature, tensor.data)  # type: ignore[arg-type]
        count = len(texts)
        check_size(signature, tensor, count)
        api.check_run(api.fill_strings(self._values[position], pointers(*texts), count))

    def run(self) -> int | None:
        """Runs the model on the bound inputs; the status of the native call, None if all went well."""
        handle, names = self._handle, self._names
        values = self._values
        status: int | None = handle.api.run(
            handle.pointer, None, names, values, len(values), self._output_names, len(self._results), self._results
        )
        return status

    def read(self) -> dict[str, Tensor]:
        """Copies of the results."""
        if not self._readers:
            self._readers = [
                Reader(self._handle.api, signature, value)
                for signature, value in zip(self._signatures, self._results, strict=True)
            ]
            self.is_small = sum(reader.size_bytes for reader in self._readers) <= MAX_BYTES
        return {reader.name: reader.read() for reader in self._readers}

    def __del__(self) -> None:
        for value in (*self._values, *self._results):
            if value:
                self._handle.api.release_value(value)


def _copy(signature: Signature, tensor: Tensor, target: memoryview) -> None:
    """Fills `target` with the bytes of the tensor's buffer."""
    formats, itemsize = FORMATS[signature.dtype]
    try:
        view = memoryview(tensor.data)  # type: ignore[arg-type]
        form = view.format
        source = view.cast("B")
    except TypeError as error:
        raise wrong_data(signature, "a contiguous buffer", type(tensor.data).__name__) from error
    if form not in formats:
        raise wrong_data(signature, f"a buffer of {signature.dtype}", f"items of format {form!r}")
    if len(source) != len(target):
        check_size(signature, tensor, len(source) // itemsize)
    if signature.dtype == "bool":
        check_flags(signature, bytes(source))
    target[:] = source


def name_array(names: Sequence[str]) -> Any:
    """The names as native code takes them."""
    return (ctypes.c_char_p * len(names))(*[name.encode() for name in names])
