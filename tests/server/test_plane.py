"""When a run goes to a thread: by what runs of such a size took lately."""

from __future__ import annotations

from typing import Any

import pytest

from ambidex.server import plane
from ambidex.server.plane import LONG_RUN, Pace


class Clock:
    """A model whose runs take as long as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.takes = 100.0, 0.0
        self.predictor = self
        monkeypatch.setattr(plane, "perf_counter", lambda: self.now)

    def predict_packed(self, feeds: Any, *, wanted: Any = None) -> dict[str, Any]:
        self.now += self.takes
        return {}

    def run(self, pace: Pace, rows: int, seconds: float) -> None:
        self.takes = seconds
        pace.timed(self, {}, rows)  # type: ignore[arg-type]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_nothing_seen_is_taken_for_quick() -> None:
    assert Pace().expected(1000) == 0


def test_single_rows_do_not_make_many_look_slow(clock: Clock) -> None:
    pace = Pace()
    for _ in range(5):
        clock.run(pace, 1, 60e-6)
        clock.run(pace, 1000, 0.5e-3)
    assert pace.expected(1000) == pytest.approx(0.5e-3)
    assert pace.expected(1000) < LONG_RUN


def test_other_sizes_bound_what_was_not_seen(clock: Clock) -> None:
    pace = Pace()
    clock.run(pace, 100, 2e-3)
    assert pace.expected(10) == pytest.approx(2e-3)
    assert pace.expected(400) == pytest.approx(8e-3)
    clock.run(pace, 1000, 3e-3)
    assert pace.expected(400) == pytest.approx(3e-3)


def test_an_estimate_rises_step_by_step_and_falls_at_once(clock: Clock) -> None:
    pace = Pace()
    clock.run(pace, 1, 50e-6)
    clock.run(pace, 1, 1.0)
    assert pace.expected(1) == pytest.approx(100e-6)
    for _ in range(20):
        clock.run(pace, 1, 1.0)
    assert pace.expected(1) == pytest.approx(1.0)
    clock.run(pace, 1, 50e-6)
    assert pace.expected(1) == pytest.approx(50e-6)
