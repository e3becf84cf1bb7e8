from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compare.idiom import check_defaults, check_matched

pytestmark = [pytest.mark.tensorflow, pytest.mark.jax]


def column() -> str:
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def test_keras_as_a_user_writes_it_learns(tmp_path: Path) -> None:
    check_defaults(column(), tmp_path)


def test_keras_matched_is_the_same_network(tmp_path: Path) -> None:
    check_matched(column(), tmp_path)
