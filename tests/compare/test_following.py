"""What is exported after training, and what is said of the formats that are not."""

from __future__ import annotations

import pytest

from ambidex.compare.following import targets_for
from ambidex.export.table import TARGETS


def test_a_quick_comparison_exports_onnx_and_says_so() -> None:
    assert targets_for(is_quick=True) == (["onnx"], ("exports other than onnx (left out of --quick)",))


def test_a_format_whose_package_is_missing_was_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambidex.compare.following.is_installed", lambda target: target.name != "openvino")
    targets, left_out = targets_for(is_quick=False)
    assert targets == [name for name in TARGETS if name != "openvino"]
    assert left_out == ("export to openvino: openvino>=2024.4 is not installed",)
