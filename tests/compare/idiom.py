"""What the idiom of either framework has to do; each framework's tests call these."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ambidex.compare.column import COLUMNS
from ambidex.compare.contender import Learner, make_contender
from ambidex.compare.quality import quality, validation_loss
from ambidex.graph import run_network
from tests.compare.small import small_task


def check_defaults(column: str, folder: Path) -> None:
    """It learns, in turns, and a warm-up leaves no trace."""
    prepared = small_task(folder).prepared
    job, validation = prepared.job, prepared.validation
    contender: Learner = make_contender(COLUMNS[column], "defaults", prepared, folder)  # type: ignore[assignment]
    contender.create()
    before = contender.raw()
    contender.first_step()
    contender.warm_up()
    np.testing.assert_array_equal(contender.raw(), before)
    turns: list[bool] = []
    contender.fit(turns.append)
    assert turns == [True, False] * job.plan.epochs
    after = contender.raw()
    assert validation_loss(job, validation, after) < validation_loss(job, validation, before)
    assert 0 < quality(job, validation, after) <= 1
    assert contender.facts()["device"] == "cpu"
    assert contender.peak_device_bytes() == 0


def check_matched(column: str, folder: Path) -> None:
    """It predicts what the reference does with the weights that it leaves, and repeats its first step."""
    prepared = small_task(folder).prepared
    contender: Learner = make_contender(COLUMNS[column], "matched", prepared, folder)  # type: ignore[assignment]
    contender.create()
    (first,) = contender.first_step()
    contender.warm_up()
    contender.fit(lambda begins: None)
    losses = contender.step_losses()
    assert losses[0] == first
    assert len(losses) == prepared.job.plan.epochs * (len(prepared.train) // prepared.job.plan.batch_size)
    graph = prepared.graphs["matched"]
    assert not any(node.op == "dropout" for node in graph.network)
    from ambidex.backends.source import read_arrays

    weights = read_arrays(folder / "weights.npz")
    inputs = prepared.validation.repeated(5)
    expected = run_network(graph, inputs, weights)[graph.raw_outputs[0]]
    predict = contender.open_predictor()
    np.testing.assert_allclose(predict([inputs[name] for name in graph.prepared]), expected, rtol=1e-4, atol=1e-5)
