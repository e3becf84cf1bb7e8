"""Replaced models leave memory, circles and all."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

import pytest

from ambidex.runtime.repository import file_place, load_model
from ambidex.server import retirement
from ambidex.server.retirement import Retirement, find_trim
from tests.server.models import write_houses


def test_a_circle_around_an_old_model_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "RETIREMENT", 0.0)
    monkeypatch.setattr(retirement, "SWEEP", 0.0)
    place = file_place(str(write_houses(tmp_path)))

    async def live() -> list[weakref.ref[object]]:
        going = Retirement(asyncio.get_running_loop())
        gone: list[weakref.ref[object]] = []
        for _ in range(3):
            model = load_model(place)
            model.predictor.circle = model  # type: ignore[attr-defined]
            gone.append(weakref.ref(model))
            gc.collect()  # an old model is one that the partial collections no longer look at
            going.add(model)
            del model
        for _ in range(1000):
            await asyncio.sleep(0)
            if not any(reference() for reference in gone):
                break
        return gone

    gc.disable()
    try:
        assert [reference() for reference in asyncio.run(live())] == [None, None, None]
    finally:
        gc.enable()


def test_the_allocator_takes_the_request_to_trim() -> None:
    trim = find_trim()
    assert trim is None or trim() in (0, 1)
