"""Requests that wait at one moment share one run, each gets its own rows, nobody pays for another's mistake."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from ambidex.errors import AmbidexError, DataError, TrainingError
from ambidex.runtime.batcher import MAX_ROWS, Batcher
from ambidex.schema import Tensor

Outputs = dict[str, Tensor]


def feeds(values: list[float], *, width: int = 1, text: str = "a") -> dict[str, Tensor]:
    rows = len(values) // width
    return {
        "numbers": Tensor(dtype="float64", shape=(rows, width), data=array("d", values)),
        "times": Tensor(dtype="int64", shape=(rows, 1), data=array("q", range(rows))),
        "texts": Tensor(dtype="string", shape=(rows, 1), data=[text] * rows),
    }


class Bench:
    """A batcher over a model that gives its numbers back and refuses 13."""

    def __init__(self, error: type[AmbidexError] = DataError) -> None:
        self.runs: list[tuple[tuple[int, ...], list[str]]] = []
        self.scheduled: list[Callable[[], object]] = []
        self.error = error
        self.batcher = Batcher(self.run, self.scheduled.append)
        self.answers: dict[int, list[float] | AmbidexError] = {}

    def run(self, given: Mapping[str, Tensor]) -> Outputs:
        numbers = given["numbers"]
        self.runs.append((numbers.shape, list(given["texts"].data)))  # type: ignore[arg-type]
        if 13 in numbers.data:
            raise self.error("thirteen")
        return {"y": numbers}

    def submit(self, name: int, values: list[float], *, width: int = 1, text: str = "a") -> None:
        rows = len(values) // width

        def done(outputs: Outputs | None, start: int, error: AmbidexError | None) -> None:
            assert name not in self.answers
            if outputs is None:
                assert error is not None
                self.answers[name] = error
            else:
                part = outputs["y"].data[start * width : (start + rows) * width]
                self.answers[name] = list(part)  # type: ignore[arg-type]

        self.batcher.submit(feeds(values, width=width, text=text), rows, done)

    def turn(self) -> None:
        scheduled, self.scheduled[:] = list(self.scheduled), []
        for call in scheduled:
            call()


def test_what_waits_together_runs_once_and_texts_go_along() -> None:
    bench = Bench()
    for name, values in enumerate(([1.0], [2.0, 3.0], [4.0])):
        bench.submit(name, values, text=str(name))
    assert bench.runs == []
    bench.turn()
    assert bench.runs == [((4, 1), ["0", "1", "1", "2"])]
    assert bench.answers == {0: [1.0], 1: [2.0, 3.0], 2: [4.0]}


def test_each_turn_is_scheduled_once_and_starts_empty() -> None:
    bench = Bench()
    bench.submit(0, [1.0])
    bench.submit(1, [2.0])
    assert len(bench.scheduled) == 1
    bench.turn()
    bench.submit(2, [3.0])
    assert len(bench.scheduled) == 1
    bench.turn()
    assert [shape for shape, _ in bench.runs] == [(2, 1), (1, 1)]


def test_tensors_of_different_shape_do_not_mix() -> None:
    bench = Bench()
    bench.submit(0, [1.0, 2.0], width=2)
    bench.submit(1, [3.0])
    bench.submit(2, [4.0, 5.0], width=2)
    bench.turn()
    assert sorted(shape for shape, _ in bench.runs) == [(1, 1), (2, 2)]
    assert bench.answers == {0: [1.0, 2.0], 1: [3.0], 2: [4.0, 5.0]}


def test_only_the_request_that_is_wrong_is_refused() -> None:
    bench = Bench()
    for name, value in enumerate((1.0, 13.0, 2.0)):
        bench.submit(name, [value])
    bench.turn()
    assert bench.answers[0] == [1.0]
    assert isinstance(bench.answers[1], DataError)
    assert bench.answers[2] == [2.0]


def test_a_failing_model_fails_all_without_trying_each() -> None:
    bench = Bench(TrainingError)
    bench.submit(0, [13.0])
    bench.submit(1, [1.0])
    bench.turn()
    assert all(isinstance(answer, TrainingError) for answer in bench.answers.values())
    assert len(bench.answers) == 2
    assert len(bench.runs) == 1


@given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 13.0]), min_size=1, max_size=300), max_size=8))
def test_everybody_gets_their_own_answer_exactly_once(requests: list[list[float]]) -> None:
    bench = Bench()
    for name, values in enumerate(requests):
        bench.submit(name, values)
    bench.turn()
    assert len(bench.answers) == len(requests)
    for name, values in enumerate(requests):
        answer = bench.answers[name]
        assert isinstance(answer, DataError) if 13.0 in values else answer == values
    assert all(shape[0] <= MAX_ROWS for shape, _ in bench.runs)
