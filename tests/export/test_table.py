"""The table of targets: every line can be meant, and every destination leads to one line."""

from __future__ import annotations

import re
from importlib.util import find_spec

import msgspec
import pytest

from ambidex.backends.source import Options
from ambidex.errors import BackendError, UsageError
from ambidex.export.run import check_installed
from ambidex.export.table import TARGETS, find_target, target_for


def test_the_contract_names_them_all() -> None:
    assert set(TARGETS) == {
        "onnx", "savedmodel", "keras", "state-dict", "pt2", "torchscript", "litert", "executorch", "torchserve",
        "triton", "openvino", "mlflow",
    }  # fmt: skip


def test_every_line_can_be_meant() -> None:
    fields = {field.name for field in msgspec.structs.fields(Options)}
    for name, target in TARGETS.items():
        assert target.name == name
        assert find_spec(target.module), name
        assert set(target.options) <= fields
        assert "float32" in target.precisions
        assert re.fullmatch(r"20\d\d-\d\d", target.as_of)
        assert target.needs, "there is always something to install"


def test_a_destination_leads_to_one_target() -> None:
    places = [place for target in TARGETS.values() for place in target.destinations]
    assert len(places) == len(set(places))
    assert {"browser", "android", "ios", "tf-serving", "intel", "c++"} <= set(places)
    assert target_for("browser").name == "onnx"


def test_typing_mistakes_are_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"got 'onx' at --to\. Did you mean 'onnx'\?"):
        find_target("onx")
    with pytest.raises(UsageError, match=r"got 'androit' at --for\. Did you mean 'android'\?"):
        target_for("androit")


def test_a_missing_package_is_named_with_the_line_for_pip() -> None:
    absent = msgspec.structs.replace(TARGETS["onnx"], packages=("no_such_package",), needs="no-such>=1")
    with pytest.raises(BackendError) as raised:
        check_installed(absent)
    assert raised.value.message == "Target 'onnx' needs no-such>=1: pip install 'no-such>=1'."
