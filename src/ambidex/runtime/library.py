"""Finds onnxruntime's shared library in its wheel and opens its table of C functions."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

from ambidex.errors import ArtifactError, BackendError, DataError, TrainingError
from ambidex.runtime.session import silence_telemetry

Function = Callable[..., Any]

API_VERSION = 17
"""The C interface asked for, of onnxruntime 1.17; later libraries still offer it, since it only ever grows."""

INDEX: dict[str, int] = {
    "GetErrorCode": 1,
    "GetErrorMessage": 2,
    "CreateEnv": 3,
    "DisableTelemetryEvents": 6,
    "CreateSessionFromArray": 8,
    "Run": 9,
    "CreateSessionOptions": 10,
    "SetSessionExecutionMode": 13,
    "SetSessionLogSeverityLevel": 22,
    "SetIntraOpNumThreads": 24,
    "SetInterOpNumThreads": 25,
    "SessionGetInputCount": 30,
    "SessionGetOutputCount": 31,
    "SessionGetInputTypeInfo": 33,
    "SessionGetOutputTypeInfo": 34,
    "SessionGetInputName": 36,
    "SessionGetOutputName": 37,
    "CreateTensorAsOrtValue": 48,
    "CreateTensorWithDataAsOrtValue": 49,
    "GetTensorMutableData": 51,
    "FillStringTensor": 52,
    "GetStringTensorDataLength": 53,
    "GetStringTensorContent": 54,
    "CastTypeInfoToTensorInfo": 55,
    "GetTensorElementType": 60,
    "GetDimensionsCount": 61,
    "GetDimensions": 62,
    "GetTensorTypeAndShape": 65,
    "CreateCpuMemoryInfo": 69,
    "AllocatorFree": 76,
    "GetAllocatorWithDefaultOptions": 78,
    "ReleaseStatus": 93,
    "ReleaseSession": 95,
    "ReleaseValue": 96,
    "ReleaseTypeInfo": 98,
    "ReleaseTensorTypeAndShapeInfo": 99,
    "ReleaseSessionOptions": 100,
    "SessionGetModelMetadata": 111,
    "ModelMetadataLookupCustomMetadataMap": 116,
    "ReleaseModelMetadata": 118,
    "ModelMetadataGetCustomMetadataMapKeys": 123,
}
"""Positions in `struct OrtApi` (onnxruntime_c_api.h), which is append-only."""

SEVERITY_FATAL = 4
"""Quieter than errors: those are raised, and would otherwise be told twice."""
CODE_INVALID_ARGUMENT = 2

_P = ctypes.c_void_p
_I = ctypes.c_int
_N = ctypes.c_size_t
_S = ctypes.c_char_p


class Api:
    """The functions of the library that a session needs, the process's environment and its CPU allocator.

    Functions that work long let other Python threads run; the short ones do not, which makes them cheaper.
    """

    def __init__(self, library: ctypes.CDLL, table: int) -> None:
        self.library = library
        self._table = (_P * (max(INDEX.values()) + 1)).from_address(table)
        self._bind_session_functions()
        self._bind_tensor_functions()
        self._bind_description_functions()
        self.env = self._create_env()
        self.memory_info = _P()
        self.check(self._quick("CreateCpuMemoryInfo", _I, _I, _P)(0, 0, ctypes.byref(self.memory_info)))
        self.allocator = _P()
        self.check(self._quick("GetAllocatorWithDefaultOptions", _P)(ctypes.byref(self.allocator)))

    def _bind_session_functions(self) -> None:
        self.get_error_code = self._quick("GetErrorCode", _P, result=_I)
        self.get_error_message = self._quick("GetErrorMessage", _P, result=_S)
        self.release_status = self._quick("ReleaseStatus", _P, result=None)
        self.create_options = self._quick("CreateSessionOptions", _P)
        self.set_execution_mode = self._quick("SetSessionExecutionMode", _P, _I)
        self.set_log_severity = self._quick("SetSessionLogSeverityLevel", _P, _I)
        self.set_intra_threads = self._quick("SetIntraOpNumThreads", _P, _I)
        self.set_inter_threads = self._quick("SetInterOpNumThreads", _P, _I)
        self.release_options = self._quick("ReleaseSessionOptions", _P, result=None)
        self.create_session = self._long("CreateSessionFromArray", _P, _S, _N, _P, _P)
        self.run = self._long("Run", _P, _P, _P, _P, _N, _P, _N, _P)
        self.release_session = self._long("ReleaseSession", _P, result=None)

    def _bind_tensor_functions(self) -> None:
        self.create_tensor = self._quick("CreateTensorAsOrtValue", _P, _P, _N, _I, _P)
        self.wrap_tensor = self._quick("CreateTensorWithDataAsOrtValue", _P, _P, _N, _P, _N, _I, _P)
        self.tensor_data = self._quick("GetTensorMutableData", _P, _P)
        self.fill_strings = self._quick("FillStringTensor", _P, _P, _N)
        self.string_length = self._quick("GetStringTensorDataLength", _P, _P)
        self.string_content = self._quick("GetStringTensorContent", _P, _P, _N, _P, _N)
        self.tensor_type = self._quick("GetTensorTypeAndShape", _P, _P)
        self.element_type = self._quick("GetTensorElementType", _P, _P)
        self.rank = self._quick("GetDimensionsCount", _P, _P)
        self.dimensions = self._quick("GetDimensions", _P, _P, _N)
        self.release_value = self._quick("ReleaseValue", _P, result=None)
        self.release_tensor_type = self._quick("ReleaseTensorTypeAndShapeInfo", _P, result=None)

    def _bind_description_functions(self) -> None:
        self.count_inputs = self._quick("SessionGetInputCount", _P, _P)
        self.count_outputs = self._quick("SessionGetOutputCount", _P, _P)
        self.input_type = self._quick("SessionGetInputTypeInfo", _P, _N, _P)
        self.output_type = self._quick("SessionGetOutputTypeInfo", _P, _N, _P)
        self.input_name = self._quick("SessionGetInputName", _P, _N, _P, _P)
        self.output_name = self._quick("SessionGetOutputName", _P, _N, _P, _P)
        self.cast_to_tensor = self._quick("CastTypeInfoToTensorInfo", _P, _P)
        self.release_type = self._quick("ReleaseTypeInfo", _P, result=None)
        self.free = self._quick("AllocatorFree", _P, _P)
        self.get_metadata = self._quick("SessionGetModelMetadata", _P, _P)
        self.metadata_keys = self._quick("ModelMetadataGetCustomMetadataMapKeys", _P, _P, _P, _P)
        self.metadata_value = self._quick("ModelMetadataLookupCustomMetadataMap", _P, _P, _S, _P)
        self.release_metadata = self._quick("ReleaseModelMetadata", _P, result=None)

    def _quick(self, name: str, *arguments: Any, result: Any = _P) -> Function:
        """A function that keeps the interpreter's lock: for calls of less than a microsecond or so."""
        return ctypes.PYFUNCTYPE(result, *arguments)(self._table[INDEX[name]] or 0)

    def _long(self, name: str, *arguments: Any, result: Any = _P) -> Function:
        """A function during which other Python threads may run."""
        return ctypes.CFUNCTYPE(result, *arguments)(self._table[INDEX[name]] or 0)

    def _create_env(self) -> ctypes.c_void_p:
        env = _P()
        self.check(self._long("CreateEnv", _I, _S, _P)(SEVERITY_FATAL, b"ambidex", ctypes.byref(env)))
        self.check(self._quick("DisableTelemetryEvents", _P)(env))
        return env

    def check(self, status: int | None) -> None:
        """Raises what a call reported while loading a model or asking about it: `ArtifactError`."""
        if status:
            raise ArtifactError(f"Expected a model that onnxruntime can load, got: {self._take_message(status)[1]}")

    def check_run(self, status: int | None) -> None:
        """Raises what a run reported: `DataError` for its inputs, else `TrainingError`."""
        if status:
            code, message = self._take_message(status)
            if code == CODE_INVALID_ARGUMENT:
                raise DataError(f"Expected inputs that fit the model's graph, got: {message}")
            raise TrainingError(f"onnxruntime failed while it ran the model: {message}")

    def _take_message(self, status: int) -> tuple[int, str]:
        code = int(self.get_error_code(status))
        message = self.get_error_message(status) or b""
        self.release_status(status)
        return code, message.decode(errors="replace")


_lock = threading.Lock()
_loaded: list[Api] = []


def load_api(*, is_required: bool = False) -> Api | None:
    """The library's functions, opened once per process. None, or `BackendError` if required, where there is none."""
    with _lock:
        if not _loaded:
            path = find_library()
            api = _open(path) if path else None
            if api is not None:
                _loaded.append(api)
            elif is_required:
                state = f"one without interface {API_VERSION} at {path}" if path else "none"
                raise BackendError(f"Expected onnxruntime's library, got {state}. pip install 'onnxruntime>=1.20'")
        return _loaded[0] if _loaded else None


def find_library() -> str | None:
    """The path of onnxruntime's own shared library, found without importing the package."""
    package = PathFinder.find_spec("onnxruntime")
    for folder in (package.submodule_search_locations or ()) if package else ():
        capi = os.path.join(folder, "capi")
        names = sorted(os.listdir(capi)) if os.path.isdir(capi) else []
        for name in reversed(names):
            if _is_library(name):
                return os.path.join(capi, name)
    return None


def _is_library(name: str) -> bool:
    is_unix = name.startswith("libonnxruntime.") and (".so" in name or name.endswith(".dylib"))
    return is_unix or name == "onnxruntime.dll"


def _open(path: str) -> Api | None:
    """The functions of the library at `path`; None if it cannot be loaded or lacks the interface."""
    silence_telemetry()
    try:
        library = ctypes.CDLL(path)
        get_base = library.OrtGetApiBase
    except (OSError, AttributeError):
        return None
    get_base.restype = _P
    base = get_base()
    get_api = ctypes.CFUNCTYPE(_P, ctypes.c_uint32)(_P.from_address(base).value or 0)
    table = get_api(API_VERSION)
    return Api(library, table) if table else None
