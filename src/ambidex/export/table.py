"""The table of targets: every format a model can leave in, in one literal place."""

from __future__ import annotations

from ambidex.errors import UsageError, expected, one_of
from ambidex.export.target import Target

AS_OF = "2026-11"

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="onnx",
            module="ambidex.export.onnx.target",
            summary="One file with one input per column: preparation, network and decoding inside.",
            takes="columns",
            form="file",
            strings=True,
            free_batch=True,
            free_time=True,
            checked_in="onnxruntime",
            state="ONNX Runtime 1.31: the default wherever there is a CPU, and in the browser",
            as_of=AS_OF,
            needs="onnx>=1.17",
            packages=("onnx",),
            destinations=("browser", "c++", "java", "c#", "node", "ios", "python", "server"),
            options=("packed", "float32_inputs"),
            precisions=("float32", "float16", "int8"),
        ),
        Target(
            name="state-dict",
            module="ambidex.backends.torch.targets.state_dict",
            summary="PyTorch's weights as .safetensors, .pt or a folder with both, and a module to load them into.",
            takes="prepared",
            form="either",
            strings=False,
            free_batch=True,
            free_time=True,
            checked_in="PyTorch, by the loader that is written beside the weights",
            state="PyTorch 2.13: the way to pass weights on; a .pt is a pickle, load it with weights_only=True",
            as_of=AS_OF,
            engine="torch",
            needs="torch>=2.4",
            packages=("torch",),
            runs_code=True,
            destinations=("pytorch",),
        ),
        Target(
            name="pt2",
            module="ambidex.backends.torch.targets.pt2",
            summary="torch.export's program in one file, from prepared tensors to raw outputs.",
            takes="prepared",
            form="file",
            strings=False,
            free_batch=True,
            free_time=False,
            checked_in="PyTorch, by torch.export.load",
            state="PyTorch 2.13: the official way to run a network without its source",
            as_of=AS_OF,
            engine="torch",
            needs="torch>=2.4",
            packages=("torch",),
            runs_code=True,
            destinations=("pytorch-server",),
        ),
        Target(
            name="torchscript",
            module="ambidex.backends.torch.targets.torchscript",
            summary="PyTorch's older program format, for C++ and Java that read nothing newer. Deprecated.",
            takes="prepared",
            form="file",
            strings=False,
            free_batch=True,
            free_time=True,
            checked_in="PyTorch, by torch.jit.load",
            state="deprecated, still read by PyTorch 2.13: take pt2 or onnx where you can",
            as_of=AS_OF,
            engine="torch",
            needs="torch>=2.4",
            packages=("torch",),
            runs_code=True,
            destinations=("libtorch",),
        ),
        Target(
            name="executorch",
            module="ambidex.backends.torch.targets.executorch",
            summary="A .pte for PyTorch's runtime on phones, lowered to XNNPACK. Batches of up to 512 rows.",
            takes="prepared",
            form="file",
            strings=False,
            free_batch=True,
            free_time=False,
            checked_in="the ExecuTorch runtime",
            state="ExecuTorch 1.5: each release belongs to one of PyTorch",
            as_of=AS_OF,
            engine="torch",
            needs="executorch",
            packages=("torch", "executorch"),
            destinations=("executorch",),
        ),
        Target(
            name="openvino",
            module="ambidex.export.openvino",
            summary="OpenVINO's .xml and .bin, from prepared tensors: it has no strings and no calendar.",
            takes="prepared",
            form="either",
            strings=False,
            free_batch=True,
            free_time=True,
            checked_in="OpenVINO on the CPU with INFERENCE_PRECISION_HINT=f32",
            state="OpenVINO 2026.4: for Intel's servers; it computes in bfloat16 unless told otherwise",
            as_of=AS_OF,
            engine="openvino",
            needs="openvino>=2024.4",
            packages=("onnx", "openvino"),
            destinations=("intel",),
            precisions=("float32", "float16"),
        ),
        Target(
            name="triton",
            module="ambidex.export.triton",
            summary="A model repository for Triton's ONNX Runtime backend: config.pbtxt and model.onnx.",
            takes="columns",
            form="folder",
            strings=True,
            free_batch=True,
            free_time=True,
            checked_in="onnxruntime, which is what Triton runs",
            state="active; `ambidex serve` speaks the same protocol",
            as_of=AS_OF,
            needs="onnx>=1.17",
            packages=("onnx",),
            destinations=("triton", "kubernetes"),
            options=("packed", "float32_inputs"),
            precisions=("float32", "float16", "int8"),
        ),
        Target(
            name="mlflow",
            module="ambidex.export.mlflow",
            summary="A folder of MLflow's onnx flavor with signature, input example and requirements.",
            takes="columns",
            form="folder",
            strings=True,
            free_batch=True,
            free_time=True,
            checked_in="MLflow where it is installed, else onnxruntime",
            state="MLflow 3.17: the flavor without pickle",
            as_of=AS_OF,
            engine="mlflow",
            needs="onnx>=1.17",
            packages=("onnx",),
            destinations=("mlflow", "databricks"),
            options=("packed", "float32_inputs"),
            precisions=("float32", "float16", "int8"),
        ),
        Target(
            name="torchserve",
            module="ambidex.export.torchserve",
            summary="A .mar whose handler reads our ONNX file: rows in JSON in, answers out.",
            takes="columns",
            form="file",
            strings=True,
            free_batch=True,
            free_time=True,
            checked_in="the archive's handler, called as TorchServe calls it",
            state="archived since 2025-08-07, no security fixes: only for a fleet that still runs it",
            as_of=AS_OF,
            engine="torchserve",
            needs="onnx>=1.17",
            packages=("onnx",),
            runs_code=True,
            destinations=("torchserve",),
            precisions=("float32", "float16", "int8"),
        ),
    )
}


def find_target(name: str) -> Target:
    """The target of that name; a `UsageError` with the nearest one where there is none."""
    if name not in TARGETS:
        raise UsageError(expected(f"a target, {one_of(TARGETS, name)}", got=repr(name), where="--to"), where="--to")
    return TARGETS[name]


def target_for(destination: str) -> Target:
    """The target that a destination is best served with."""
    by_place = {place: target for target in TARGETS.values() for place in target.destinations}
    if destination not in by_place:
        message = expected(f"a destination, {one_of(by_place, destination)}", got=repr(destination), where="--for")
        raise UsageError(message, where="--for")
    return by_place[destination]
