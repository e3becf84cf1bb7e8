from __future__ import annotations

import pytest

from ambidex.errors import BackendError
from ambidex.ingest import floors
from ambidex.ingest.floors import check_versions, is_safe


@pytest.mark.parametrize(
    ("package", "version"),
    [
        *(("keras", version) for version in ("3.8.0", "3.12.2", "3.13.0", "3.15.0")),
        ("onnx", "1.20.9"),
        ("skops", "0.11.0"),
        *(("torch", version) for version in ("2.9.1", "2.9.1+cpu", "1.13")),
    ],
)
def test_a_version_with_known_holes_is_not_given_a_file_of_others(
    package: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors, "version", {package: version}.__getitem__)
    with pytest.raises(BackendError, match=rf"Expected {package} >= .* to read a file of others") as caught:
        check_versions(["numpy", package])
    assert f"got {version}. " in str(caught.value)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        *(("keras", version) for version in ("3.12.3", "3.12.4", "3.15.1", "3.16.0", "4.0")),
        *(("onnx", version) for version in ("1.21", "1.21.0", "1.23.2")),
        *(("torch", version) for version in ("2.10.0", "2.13.0+cpu", "2.14.0a0+git1234")),
    ],
)
def test_a_version_without_is(package: str, version: str) -> None:
    assert is_safe(package, version)


def test_what_is_not_installed_or_has_no_floor_is_left_to_others() -> None:
    check_versions(["numpy", "no_such_package"])
