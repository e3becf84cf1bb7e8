"""Tensors into and out of the C API: buffers are lent without a copy, results are copied out."""

from __future__ import annotations

import ctypes
from math import prod
from typing import Any

from ambidex.errors import ArtifactError
from ambidex.runtime.feed import FORMATS, MAX_RANK, RESULT_FORMATS, check_size, check_tensor, check_texts, wrong_data
from ambidex.runtime.library import Api
from ambidex.runtime.session import Signature
from ambidex.schema.tensor import Tensor, TensorType

ELEMENT_CODES: dict[TensorType, int] = {"float32": 1, "int64": 7, "string": 8, "bool": 9, "float64": 11}
"""`ONNXTensorElementDataType` of each type."""

TYPES: dict[int, TensorType] = {code: dtype for dtype, code in ELEMENT_CODES.items()}

_SHAPES: list[Any] = [ctypes.c_int64 * rank for rank in range(MAX_RANK + 1)]
_CONTIGUOUS_WITH_FORMAT = 0x38 | 0x04  # PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
_NO_ELEMENTS = ctypes.create_string_buffer(16)  # a valid address for tensors without elements


class View(ctypes.Structure):
    """`Py_buffer` of CPython, stable since 3.11: a hold on the memory of an object with the buffer protocol."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("owner", ctypes.c_void_p),
        ("size", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.c_void_p,)
_release_buffer.restype = None


class Loan:
    """What must stay alive while native code reads the inputs of one run; `release` ends it."""

    __slots__ = ("kept", "views")

    def __init__(self) -> None:
        self.views: list[View] = []
        self.kept: list[object] = []

    def release(self) -> None:
        """Lets go of the buffers."""
        for view in self.views:
            _release_buffer(ctypes.byref(view))


def lend(api: Api, signature: Signature, tensor: Tensor, loan: Loan) -> int:
    """An `OrtValue` for the tensor, to be released by the caller. Raises `DataError` where it does not fit."""
    elements = check_tensor(signature, tensor)
    value = ctypes.c_void_p()
    shape = shape_array(tensor.shape)
    if tensor.dtype == "string":
        return _fill_texts(api, signature, tensor, shape, value)
    address, size = _borrow(signature, tensor, elements, loan)
    code = ELEMENT_CODES[tensor.dtype]
    api.check_run(api.wrap_tensor(api.memory_info, address, size, shape, len(shape), code, ctypes.byref(value)))
    return value.value or 0


def _fill_texts(api: Api, signature: Signature, tensor: Tensor, shape: Any, value: ctypes.c_void_p) -> int:
    texts = check_texts(signature, tensor.data)  # type: ignore[arg-type]
    check_size(signature, tensor, len(texts))
    api.check_run(api.create_tensor(api.allocator, shape, len(shape), 8, ctypes.byref(value)))
    status = api.fill_strings(value, (ctypes.c_char_p * len(texts))(*texts), len(texts)) if texts else None
    if status:
        api.release_value(value)
        api.check_run(status)
    return value.value or 0


def _borrow(signature: Signature, tensor: Tensor, elements: int, loan: Loan) -> tuple[int, int]:
    """Address and size in bytes of the tensor's memory, held by `loan`."""
    view = View()
    try:
        _get_buffer(tensor.data, ctypes.byref(view), _CONTIGUOUS_WITH_FORMAT)
    except (TypeError, BufferError, ValueError) as error:
        raise wrong_data(signature, "a contiguous buffer", type(tensor.data).__name__) from error
    loan.views.append(view)
    formats, itemsize = FORMATS[tensor.dtype]
    form = (view.format or b"B").decode().lstrip("@=<")
    if form not in formats or view.itemsize != itemsize:
        raise wrong_data(signature, f"a buffer of {tensor.dtype}", f"items of format {form!r}")
    size = view.size
    if size != elements * itemsize:
        check_size(signature, tensor, size // itemsize)
    if not size:
        return ctypes.addressof(_NO_ELEMENTS), 0
    address = view.address
    if tensor.dtype == "bool":
        check_flags(signature, ctypes.string_at(address, size))
    elif address % itemsize:  # a slice of a request's body may start anywhere; native code wants aligned numbers
        copy = ctypes.create_string_buffer(ctypes.string_at(address, size), size)
        loan.kept.append(copy)
        address = ctypes.addressof(copy)
    return address, size


def check_flags(signature: Signature, flags: bytes) -> None:
    """Refuses bytes other than 0 and 1, which native code does not expect in a bool."""
    if flags.translate(None, b"\0\1"):
        raise wrong_data(signature, "bytes 0 and 1 in a bool buffer", "others")


class Reader:
    """Copies one result out, as often as a run overwrites it."""

    __slots__ = ("_address", "_api", "_content", "_starts", "_value", "dtype", "name", "shape", "size_bytes")

    def __init__(self, api: Api, signature: Signature, value: int) -> None:
        self._api = api
        self._value = value
        self.name, self.dtype = signature.name, signature.dtype
        self.shape = _result_shape(api, value)
        elements = prod(self.shape)
        self._starts: Any = None
        self._address = 0
        if self.dtype == "string":
            self._starts = (ctypes.c_size_t * elements)()
            self.size_bytes = elements * 32  # a guess: short texts live inside their 32 bytes
            self._content = ctypes.create_string_buffer(self.size_bytes)
            return
        address = ctypes.c_void_p()
        api.check_run(api.tensor_data(value, ctypes.byref(address)))
        self._address = address.value or 0
        self.size_bytes = elements * FORMATS[self.dtype][1]

    def read(self) -> Tensor:
        """A copy of the result."""
        if self.dtype == "string":
            return Tensor(dtype="string", shape=self.shape, data=self._read_texts())
        copy = ctypes.string_at(self._address, self.size_bytes) if self.size_bytes else b""
        return Tensor(dtype=self.dtype, shape=self.shape, data=memoryview(copy).cast(RESULT_FORMATS[self.dtype]))

    def _read_texts(self) -> list[str]:
        api, starts = self._api, self._starts
        count = len(starts)
        if not count:
            return []
        length = ctypes.c_size_t()
        api.check_run(api.string_length(self._value, ctypes.byref(length)))
        size = length.value
        if size > len(self._content):
            self._content = ctypes.create_string_buffer(size)
        api.check_run(api.string_content(self._value, self._content, size, starts, count))
        raw = ctypes.string_at(self._content, size)
        if count == 1:
            return [raw.decode(errors="replace")]
        begins = starts[:]
        pieces = [raw[start:stop] for start, stop in zip(begins, [*begins[1:], size], strict=True)]
        texts = {piece: piece.decode(errors="replace") for piece in set(pieces)}  # many rows, few labels
        return [texts[piece] for piece in pieces]


def _result_shape(api: Api, value: int) -> tuple[int, ...]:
    info = ctypes.c_void_p()
    api.check_run(api.tensor_type(value, ctypes.byref(info)))
    try:
        return read_shape(api, info)
    finally:
        api.release_tensor_type(info)


def shape_array(shape: tuple[int, ...]) -> Any:
    """The dimensions as native code takes them."""
    return _SHAPES[len(shape)](*shape)


def read_shape(api: Api, info: ctypes.c_void_p) -> tuple[int, ...]:
    """The dimensions; free ones are negative."""
    rank = ctypes.c_size_t()
    api.check_run(api.rank(info, ctypes.byref(rank)))
    if rank.value > MAX_RANK:
        raise ArtifactError(f"Expected tensors of at most {MAX_RANK} dimensions, got {rank.value}.")
    dimensions = _SHAPES[rank.value]()
    api.check_run(api.dimensions(info, dimensions, rank.value))
    return tuple(dimensions)
