"""Requests of each model, counted and timed for the statistics extension, whichever protocol they came by."""

from __future__ import annotations

import time
from typing import Any

from ambidex.runtime.repository import Served


class Statistics:
    """Requests of one model, counted and timed for the statistics extension."""

    def __init__(self) -> None:
        self.inferences = self.executions = self.failures = 0
        self.nanoseconds = self.last_ms = 0

    def succeeded(self, rows: int, started: float) -> None:
        self.inferences += rows
        self.executions += 1
        self.nanoseconds += int((time.perf_counter() - started) * 1e9)
        self.last_ms = int(time.time() * 1000)

    def failed(self) -> None:
        self.failures += 1

    def document(self, model: Served) -> dict[str, Any]:
        """The extension's record. Times before and after the run are part of the run's."""
        none = {"count": self.executions, "ns": 0}
        whole = {"count": self.executions, "ns": self.nanoseconds}
        return {
            "name": model.name,
            "version": str(model.version),
            "last_inference": self.last_ms,
            "inference_count": self.inferences,
            "execution_count": self.executions,
            "inference_stats": {
                "success": whole,
                "fail": {"count": self.failures, "ns": 0},
                "queue": none,
                "compute_input": none,
                "compute_infer": whole,
                "compute_output": none,
                "cache_hit": {"count": 0, "ns": 0},
                "cache_miss": {"count": 0, "ns": 0},
            },
            "batch_stats": [],
        }


def statistics_of(model: Served) -> Statistics:
    """The model's own counters."""
    found: Statistics | None = model.derived.get("statistics")
    if found is None:
        found = model.derived["statistics"] = Statistics()
    return found
