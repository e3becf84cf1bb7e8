"""The messages of the Open Inference Protocol over gRPC, described here field by field: no generated code to keep.

Names and numbers after the protocol's own definition (kserve/open-inference-protocol, package `inference`). They live
in a pool of their own, so that a client in the same process may load its copy.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_TENSOR = "name:string=1 datatype:string=2 shape:int64*=3"
_NAMED = "name:string=1 version:string=2"
_TIMES = (
    "success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"
)  # fmt: skip
_MESSAGES: dict[str, str] = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live:bool=1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready:bool=1",
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": "ready:bool=1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": f"{_NAMED} extensions:string*=3",
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "ModelMetadataResponse": "name:string=1 versions:string*=2 platform:string=3"
    " inputs:ModelMetadataResponse.TensorMetadata*=4 outputs:ModelMetadataResponse.TensorMetadata*=5",
    "InferParameter": "bool_param:bool=1 int64_param:int64=2 string_param:string=3 double_param:double=4",
    "InferTensorContents": "bool_contents:bool*=1 int_contents:int32*=2 int64_contents:int64*=3 uint_contents:uint32*=4"
    " uint64_contents:uint64*=5 fp32_contents:float*=6 fp64_contents:double*=7 bytes_contents:bytes*=8",
    "ModelInferRequest.InferInputTensor": f"{_TENSOR} parameters:map=4 contents:InferTensorContents=5",
    "ModelInferRequest.InferRequestedOutputTensor": "name:string=1 parameters:map=2",
    "ModelInferRequest": "model_name:string=1 model_version:string=2 id:string=3 parameters:map=4"
    " inputs:ModelInferRequest.InferInputTensor*=5 outputs:ModelInferRequest.InferRequestedOutputTensor*=6"
    " raw_input_contents:bytes*=7",
    "ModelInferResponse.InferOutputTensor": f"{_TENSOR} parameters:map=4 contents:InferTensorContents=5",
    "ModelInferResponse": "model_name:string=1 model_version:string=2 id:string=3 parameters:map=4"
    " outputs:ModelInferResponse.InferOutputTensor*=5 raw_output_contents:bytes*=6",
    # Triton's extensions, as far as they are answered. Numbers of an enum travel as integers do.
    "ModelInput": "name:string=1 data_type:int32=2 dims:int64*=4",
    "ModelOutput": "name:string=1 data_type:int32=2 dims:int64*=3",
    "ModelDynamicBatching": "",
    "ModelConfig": "name:string=1 platform:string=2 max_batch_size:int32=4 input:ModelInput*=5 output:ModelOutput*=6"
    " dynamic_batching:ModelDynamicBatching=11 backend:string=17",
    "ModelConfigRequest": _NAMED,
    "ModelConfigResponse": "config:ModelConfig=1",
    "StatisticDuration": "count:uint64=1 ns:uint64=2",
    "InferStatistics": " ".join(f"{name}:StatisticDuration={number}" for number, name in enumerate(_TIMES, 1)),
    "ModelStatistics": f"{_NAMED} last_inference:uint64=3 inference_count:uint64=4 execution_count:uint64=5"
    " inference_stats:InferStatistics=6 batch_stats:InferStatistics*=7",
    "ModelStatisticsRequest": _NAMED,
    "ModelStatisticsResponse": "model_stats:ModelStatistics*=1",
    "RepositoryIndexRequest": "repository_name:string=1 ready:bool=2",
    "RepositoryIndexResponse.ModelIndex": f"{_NAMED} state:string=3 reason:string=4",
    "RepositoryIndexResponse": "models:RepositoryIndexResponse.ModelIndex*=1",
    "RepositoryModelLoadRequest": "repository_name:string=1 model_name:string=2 parameters:map=3",
    "RepositoryModelLoadResponse": "",
    "RepositoryModelUnloadRequest": "repository_name:string=1 model_name:string=2 parameters:map=3",
    "RepositoryModelUnloadResponse": "",
}
"""Fields as `name:type=number`, `*` for repeated; `map` is from text to InferParameter."""

_ONE_OF = {"InferParameter": "parameter_choice"}
_Field = descriptor_pb2.FieldDescriptorProto


def build() -> dict[str, Any]:
    """The message classes by name."""
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package=PACKAGE, syntax="proto3")
    found: dict[str, Any] = {}
    for name, fields in sorted(_MESSAGES.items(), key=lambda item: item[0].count(".")):
        outer, _, inner = name.rpartition(".")
        message = (found[outer].nested_type if outer else file.message_type).add(name=inner)
        found[name] = message
        if name in _ONE_OF:
            message.oneof_decl.add(name=_ONE_OF[name])
        for text in fields.split():
            _add_field(message, name, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


def _add_field(message: Any, owner: str, text: str) -> None:
    name, _, rest = text.partition(":")
    kind, _, number = rest.partition("=")
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if owner in _ONE_OF:
        field.oneof_index = 0
    if kind.endswith("*"):
        kind = kind[:-1]
        field.label = _Field.LABEL_REPEATED
    if kind == "map":
        entry = f"{name.title()}Entry"
        nested = message.nested_type.add(name=entry)
        nested.options.map_entry = True
        nested.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
        value = nested.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_MESSAGE)
        value.type_name = f".{PACKAGE}.InferParameter"
        field.label, field.type, field.type_name = (
            _Field.LABEL_REPEATED,
            _Field.TYPE_MESSAGE,
            f".{PACKAGE}.{owner}.{entry}",
        )
    elif kind in _MESSAGES:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")
