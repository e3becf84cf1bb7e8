"""One server with every test model, shared by the tests that only ask it things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.models import write_adult, write_houses, write_oil, write_stores
from tests.server.running import Server, running


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for write in (write_adult, write_houses, write_oil, write_stores):
        write(folder)
    return folder


@pytest.fixture(scope="session")
def server(models: Path) -> Iterator[Server]:
    with running([models]) as started:
        yield started
