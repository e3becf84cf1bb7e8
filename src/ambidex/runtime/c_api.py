"""A session over onnxruntime's C API: starts in a quarter of the binding's time and needs no numpy."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

from ambidex.errors import ArtifactError, UsageError
from ambidex.runtime.c_tensor import TYPES, Loan, Reader, lend, read_shape
from ambidex.runtime.feed import check_names, check_outputs, check_tensor
from ambidex.runtime.frame import MAX_BYTES, MAX_KEYS, Frame, Handle, Selection, Shapes, name_array
from ambidex.runtime.library import SEVERITY_FATAL, Api, Function
from ambidex.runtime.session import Signature
from ambidex.schema.tensor import Tensor

SEQUENTIAL = 0


class CSession:
    """See `ambidex.runtime.session.Session`."""

    def __init__(self, api: Api, model: bytes, *, threads: int = 1) -> None:
        self._api = api
        self._handle: Handle | None = Handle(api, _create_session(api, model, threads))
        pointer = self._handle.pointer
        self._inputs = _signatures(api, pointer, (api.count_inputs, api.input_name, api.input_type))
        self._outputs = _signatures(api, pointer, (api.count_outputs, api.output_name, api.output_type))
        self._metadata = _read_metadata(api, pointer)
        self._input_names = name_array([signature.name for signature in self._inputs])
        self._all = Selection(self._outputs)
        self._selections: dict[tuple[str, ...], Selection] = {}

    @property
    def inputs(self) -> tuple[Signature, ...]:
        return self._inputs

    @property
    def outputs(self) -> tuple[Signature, ...]:
        return self._outputs

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._metadata)

    def run(self, feeds: Mapping[str, Tensor], outputs: Sequence[str] | None = None) -> dict[str, Tensor]:
        handle = self._handle
        if handle is None:
            raise UsageError("Expected an open session, got one that was closed.")
        selection = self._all if outputs is None else self._select(tuple(outputs))
        shapes = self._shapes(feeds)
        frame = selection.borrow(shapes)
        if frame is None:
            if not self._fit(feeds):
                return self._run_unbound(handle, feeds, selection)
            frame = Frame(handle, self._inputs, self._input_names, selection)
            frame.bind(shapes)
        frame.fill(feeds)
        status = frame.run()
        if status:  # a graph whose results vary in shape for equal inputs cannot use bound results
            self._api.release_status(status)
            return self._run_unbound(handle, feeds, selection)
        results = frame.read()
        selection.give_back(shapes, frame)
        return results

    def _select(self, names: tuple[str, ...]) -> Selection:
        selection = self._selections.get(names)
        if selection is None:
            check_outputs(self._outputs, names)
            by_name = {signature.name: signature for signature in self._outputs}
            if len(self._selections) >= MAX_KEYS:
                self._selections.clear()
            selection = self._selections[names] = Selection([by_name[name] for name in names])
        return selection

    def _shapes(self, feeds: Mapping[str, Tensor]) -> Shapes:
        """The shapes that came, in the graph's order. Raises `DataError` unless names and types are the graph's."""
        inputs = self._inputs
        if len(feeds) != len(inputs):
            check_names(inputs, feeds)
        shapes = []
        for signature in inputs:
            tensor = feeds.get(signature.name)
            if tensor is None:
                check_names(inputs, feeds)
            elif tensor.dtype != signature.dtype:
                check_tensor(signature, tensor)
            else:
                shapes.append(tensor.shape)
        return tuple(shapes)

    def _fit(self, feeds: Mapping[str, Tensor]) -> bool:
        """Whether the inputs are small enough for a frame. Raises `DataError` unless shapes are the graph's."""
        counts = [check_tensor(signature, feeds[signature.name]) for signature in self._inputs]
        return all(counts) and sum(counts) <= MAX_BYTES // 8

    def _run_unbound(self, handle: Handle, feeds: Mapping[str, Tensor], selection: Selection) -> dict[str, Tensor]:
        """A run that lends the callers' buffers and lets onnxruntime allocate the results."""
        api, inputs, names = self._api, self._inputs, self._input_names
        values = (ctypes.c_void_p * len(inputs))()
        results = (ctypes.c_void_p * len(selection.signatures))()
        loan = Loan()
        try:
            for position, signature in enumerate(inputs):
                values[position] = lend(api, signature, feeds[signature.name], loan)
            api.check_run(
                api.run(handle.pointer, None, names, values, len(inputs), selection.names, len(results), results)
            )
            readers = [Reader(api, *pair) for pair in zip(selection.signatures, results, strict=True)]
            return {reader.name: reader.read() for reader in readers}
        finally:
            for value in (*values, *results):
                if value:
                    api.release_value(value)
            loan.release()

    def close(self) -> None:
        self._handle = None
        self._all = Selection(self._outputs)  # frames hold the native session too
        self._selections = {}


def _create_session(api: Api, model: bytes, threads: int) -> int:
    options = ctypes.c_void_p()
    api.check(api.create_options(ctypes.byref(options)))
    session = ctypes.c_void_p()
    try:
        api.check(api.set_log_severity(options, SEVERITY_FATAL))
        api.check(api.set_execution_mode(options, SEQUENTIAL))
        api.check(api.set_intra_threads(options, threads))
        api.check(api.set_inter_threads(options, 1))
        api.check(api.create_session(api.env, model, len(model), options, ctypes.byref(session)))
    finally:
        api.release_options(options)
    return session.value or 0


def _signatures(api: Api, session: int, functions: tuple[Function, Function, Function]) -> tuple[Signature, ...]:
    """Inputs or outputs, by the three functions that count, name and type them."""
    count, name_of, type_of = functions
    total = ctypes.c_size_t()
    api.check(count(session, ctypes.byref(total)))
    signatures = []
    for position in range(total.value):
        name, info = ctypes.c_void_p(), ctypes.c_void_p()
        api.check(name_of(session, position, api.allocator, ctypes.byref(name)))
        text = _take_text(api, name)
        api.check(type_of(session, position, ctypes.byref(info)))
        try:
            signatures.append(_signature(api, text, info))
        finally:
            api.release_type(info)
    return tuple(signatures)


def _signature(api: Api, name: str, info: ctypes.c_void_p) -> Signature:
    tensor = ctypes.c_void_p()
    api.check(api.cast_to_tensor(info, ctypes.byref(tensor)))
    code = ctypes.c_int()
    if tensor.value:
        api.check(api.element_type(tensor, ctypes.byref(code)))
    if code.value not in TYPES:
        what = f"element type number {code.value}" if tensor.value else "something that is no tensor"
        raise ArtifactError(f"Expected tensors of {', '.join(TYPES.values())}, got {what} for {name!r}.")
    shape = tuple(size if size >= 0 else None for size in read_shape(api, tensor))
    return Signature(name=name, dtype=TYPES[code.value], shape=shape)


def _read_metadata(api: Api, session: int) -> dict[str, str]:
    metadata, keys, count = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int64()
    api.check(api.get_metadata(session, ctypes.byref(metadata)))
    texts = {}
    try:
        api.check(api.metadata_keys(metadata, api.allocator, ctypes.byref(keys), ctypes.byref(count)))
        for position in range(count.value if keys.value else 0):
            pointer = ctypes.c_void_p.from_address((keys.value or 0) + position * ctypes.sizeof(ctypes.c_void_p))
            key = _take_text(api, ctypes.c_void_p(pointer.value))
            value = ctypes.c_void_p()
            api.check(api.metadata_value(metadata, api.allocator, key.encode(), ctypes.byref(value)))
            texts[key] = _take_text(api, value)
        if keys.value:
            api.check(api.free(api.allocator, keys))
    finally:
        api.release_metadata(metadata)
    return texts


def _take_text(api: Api, pointer: ctypes.c_void_p) -> str:
    """The NUL-terminated text at `pointer`, whose memory is given back."""
    if not pointer.value:
        return ""
    text = ctypes.string_at(pointer.value).decode(errors="replace")
    api.check(api.free(api.allocator, pointer))
    return text
