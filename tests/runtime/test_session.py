from __future__ import annotations

import gc
import threading
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from tests.runtime.models import echo, mixed, model

from ambidex.errors import ArtifactError, DataError, TrainingError, UsageError
from ambidex.runtime import Session, Signature, open_session
from ambidex.runtime.binding import BindingSession
from ambidex.runtime.c_api import CSession
from ambidex.runtime.frame import Handle
from ambidex.schema import Tensor

WAYS = ("c_api", "binding")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AMBIDEX_ORT", request.param)
    return str(request.param)


def numbers(rows: int, *, start: float = 0.0) -> Tensor:
    return Tensor(dtype="float64", shape=(rows, 3), data=array("d", [start + i / 7 for i in range(rows * 3)]))


def texts(rows: int) -> Tensor:
    return Tensor(dtype="string", shape=(rows, 2), data=(["a", "é", "", "unseen ☃", "b", "a"] * rows)[: rows * 2])


def values(tensor: Tensor) -> list[Any]:
    return list(tensor.data)


def open_both(content: bytes) -> tuple[Session, Session]:
    from ambidex.runtime.library import load_api

    api = load_api(is_required=True)
    assert api is not None
    return CSession(api, content), BindingSession(content)


def test_the_c_api_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMBIDEX_ORT", raising=False)
    assert isinstance(open_session(mixed()), CSession)


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBIDEX_ORT", "magic")
    with pytest.raises(UsageError, match="Expected c_api or binding, got 'magic'"):
        open_session(mixed())


def test_signature_and_metadata(way: str) -> None:
    session = open_session(mixed())
    assert session.inputs == (
        Signature(name="numbers", dtype="float64", shape=(None, 3)),
        Signature(name="texts", dtype="string", shape=(None, 2)),
    )
    assert session.outputs == (
        Signature(name="p", dtype="float32", shape=(None, 1)),
        Signature(name="label", dtype="string", shape=(None, 1)),
    )
    assert session.metadata == {"unit": "käse", "classes": "[]"}


@pytest.mark.parametrize("rows", [1, 2, 3, 17, 5000])
def test_both_ways_give_the_same_results(rows: int) -> None:
    ours, referee = open_both(mixed())
    for start in (0.0, -3.0, 5.0):  # again and again: bound buffers are used from the second run on
        feeds = {"numbers": numbers(rows, start=start), "texts": texts(rows)}
        mine, theirs = ours.run(feeds), referee.run(feeds)
        assert list(mine) == list(theirs) == ["p", "label"]
        for name, tensor in mine.items():
            assert (tensor.dtype, tensor.shape) == (theirs[name].dtype, theirs[name].shape)
            assert values(tensor) == values(theirs[name])


def test_results_survive_later_runs(way: str) -> None:
    session = open_session(echo("float64"))
    first = session.run({"x": Tensor(dtype="float64", shape=(1, 2), data=array("d", [1, 2]))})["y"]
    second = session.run({"x": Tensor(dtype="float64", shape=(1, 2), data=array("d", [3, 4]))})["y"]
    third = session.run({"x": Tensor(dtype="float64", shape=(1, 2), data=array("d", [5, 6]))})["y"]
    assert [values(first), values(second), values(third)] == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("dtype", "code", "items"),
    [
        ("float64", "d", [1.5, -0.0, 1e308]),
        ("float32", "f", [1.5, -0.0, 2.0**100]),
        ("int64", "q", [-(2**63), 0, 2**63 - 1]),
        ("bool", "b", [1, 0, 1]),
    ],
)
def test_every_fixed_width_type_comes_back_as_it_went(way: str, dtype: Any, code: str, items: list[Any]) -> None:
    session = open_session(echo(dtype))
    for data in (array(code, items), memoryview(array(code, items)), np.asarray(items, dtype=dtype)):
        result = session.run({"x": Tensor(dtype=dtype, shape=(1, 3), data=data)})["y"]  # type: ignore[arg-type]
        assert isinstance(result.data, memoryview)
        assert result.data.format == {"bool": "?"}.get(dtype, code)
        assert values(result) == items


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=9))
def test_any_text_without_nul_comes_back(items: list[str]) -> None:
    for session in open_both(echo("string")):
        for _ in range(2):
            result = session.run({"x": Tensor(dtype="string", shape=(1, len(items)), data=items)})["y"]
            assert result.data == items


@pytest.mark.parametrize("size", [10, 5000])
def test_bound_results_are_written_even_where_the_graph_only_forwards(size: int) -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["same"]),
        helper.make_node("Identity", ["c"], ["fixed"]),
        helper.make_node("Reshape", ["x", "shape"], ["turned"]),
        helper.make_node("Identity", ["t"], ["told"]),
    ]
    content = model(
        nodes,
        [("x", "float64", ["B", 2]), ("t", "string", ["B"])],
        [
            ("same", "float64", ["B", 2]),
            ("fixed", "float64", [3]),
            ("turned", "float64", [2, "B"]),
            ("told", "string", ["B"]),
        ],
        constants={"c": np.arange(3.0), "shape": np.array([2, -1])},
    )
    ours, referee = open_both(content)
    for start in (0.0, 1.0, 2.0):
        x = Tensor(dtype="float64", shape=(size, 2), data=array("d", [start + i for i in range(size * 2)]))
        feeds = {"x": x, "t": Tensor(dtype="string", shape=(size,), data=[f"{start}-{i}" for i in range(size)])}
        mine, theirs = ours.run(feeds), referee.run(feeds)
        assert {name: (t.shape, values(t)) for name, t in mine.items()} == {
            name: (t.shape, values(t)) for name, t in theirs.items()
        }


def test_results_whose_shape_depends_on_values() -> None:
    content = model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [("x", "float64", ["N"]), ("shape", "int64", [2])],
        [("y", "float64", ["P", "Q"])],
    )
    ours, _ = open_both(content)
    x = Tensor(dtype="float64", shape=(6,), data=array("d", range(6)))
    for shape in ((2, 3), (3, 2), (6, 1), (3, 2)):
        result = ours.run({"x": x, "shape": Tensor(dtype="int64", shape=(2,), data=array("q", shape))})["y"]
        assert (result.shape, values(result)) == (shape, [0, 1, 2, 3, 4, 5])


def test_no_rows_give_no_rows(way: str) -> None:
    session = open_session(mixed())
    result = session.run({"numbers": numbers(0), "texts": texts(0)})
    assert {name: (tensor.shape, values(tensor)) for name, tensor in result.items()} == {
        "p": ((0, 1), []),
        "label": ((0, 1), []),
    }


def test_unaligned_buffers_of_a_request_body_are_read(way: str) -> None:
    session = open_session(echo("float64"))
    body = b"x" + array("d", range(8000)).tobytes()
    data: Any = memoryview(body)[1:].cast("d")
    assert values(session.run({"x": Tensor(dtype="float64", shape=(1, 8000), data=data)})["y"]) == list(range(8000))


def test_outputs_can_be_picked_in_any_order(way: str) -> None:
    session = open_session(mixed())
    feeds = {"texts": texts(1), "numbers": numbers(1)}
    assert list(session.run(feeds, ["label"])) == ["label"]
    assert list(session.run(feeds, ["label", "p"])) == ["label", "p"]


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({"numbers": numbers(1)}, "Expected a tensor for input 'texts', got none."),
        (
            {"numbers": numbers(1), "texts": texts(1), "time": numbers(1)},
            "Expected an input of the model, one of numbers, texts, got 'time'.",
        ),
        ({"numbers": numbers(1), "txts": texts(1)}, "one of numbers, texts, got 'txts'. Did you mean 'texts'?"),
        ({"numbers": texts(1), "texts": texts(1)}, "Expected float64, got string at input 'numbers'."),
        (
            {"numbers": Tensor(dtype="float64", shape=(3, 1), data=array("d", [1, 2, 3])), "texts": texts(3)},
            "Expected shape (any, 3), got (3, 1) at input 'numbers'.",
        ),
        (
            {"numbers": Tensor(dtype="float64", shape=(-1, 3), data=array("d", [1, 2, 3])), "texts": texts(1)},
            "Expected shape (any, 3), got (-1, 3) at input 'numbers'.",
        ),
        (
            {"numbers": Tensor(dtype="float64", shape=(1, 3), data=array("d", [1, 2])), "texts": texts(1)},
            "Expected 3 values for shape (1, 3), got 2 at input 'numbers'.",
        ),
        (
            {"numbers": Tensor(dtype="float64", shape=(9000, 3), data=array("d", [1, 2])), "texts": texts(9000)},
            "Expected 27000 values for shape (9000, 3), got 2 at input 'numbers'.",
        ),
        (
            {"numbers": Tensor(dtype="float64", shape=(1, 3), data=array("f", [1, 2, 3])), "texts": texts(1)},
            "Expected a buffer of float64, got items of format 'f' at input 'numbers'.",
        ),
        (
            {"numbers": Tensor(dtype="float64", shape=(1, 3), data=[1.0, 2.0, 3.0]), "texts": texts(1)},  # type: ignore[list-item]
            "Expected a contiguous buffer, got list at input 'numbers'.",
        ),
        (
            {"numbers": numbers(1), "texts": Tensor(dtype="string", shape=(1, 2), data=["a"])},
            "Expected 2 values for shape (1, 2), got 1 at input 'texts'.",
        ),
        (
            {"numbers": numbers(1), "texts": Tensor(dtype="string", shape=(1, 2), data=["a", "b\0c"])},
            "Expected a text without NUL or lone surrogates as value 1, got 'b\\x00c' at input 'texts'.",
        ),
        (
            {"numbers": numbers(1), "texts": Tensor(dtype="string", shape=(1, 2), data=["\ud800", "b"])},
            "Expected a text without NUL or lone surrogates as value 0, got '\\ud800' at input 'texts'.",
        ),
        (
            {"numbers": numbers(1), "texts": Tensor(dtype="string", shape=(1, 2), data=["a", None])},  # type: ignore[list-item]
            "Expected a text as value 1, got NoneType at input 'texts'.",
        ),
    ],
)
def test_feeds_that_do_not_fit_are_refused(way: str, feeds: dict[str, Tensor], message: str) -> None:
    session = open_session(mixed())
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            session.run(feeds)
        assert message in str(caught.value)
        assert session.run({"numbers": numbers(1), "texts": texts(1)})["p"].shape == (1, 1)


def test_a_bool_buffer_holds_only_zero_and_one(way: str) -> None:
    session = open_session(echo("bool"))
    with pytest.raises(DataError, match="Expected bytes 0 and 1 in a bool buffer"):
        session.run({"x": Tensor(dtype="bool", shape=(1, 2), data=array("b", [0, 2]))})


def test_an_unknown_output_is_refused(way: str) -> None:
    session = open_session(mixed())
    with pytest.raises(DataError, match="one of label, p, got 'q'"):
        session.run({"numbers": numbers(1), "texts": texts(1)}, ["q"])


@pytest.mark.parametrize("content", [b"", b"no model", mixed()[:-20]])
def test_a_broken_model_is_refused(way: str, content: bytes) -> None:
    with pytest.raises(ArtifactError, match="Expected a model that onnxruntime can load"):
        open_session(content)


def test_a_graph_that_fails_is_no_fault_of_the_data(way: str) -> None:
    content = model(
        [helper.make_node("Gather", ["table", "x"], ["y"])],
        [("x", "int64", ["B"])],
        [("y", "float64", ["B"])],
        constants={"table": np.arange(3.0)},
    )
    session = open_session(content)
    with pytest.raises((DataError, TrainingError), match="indices element out of data bounds"):
        session.run({"x": Tensor(dtype="int64", shape=(1,), data=array("q", [7]))})
    assert values(session.run({"x": Tensor(dtype="int64", shape=(1,), data=array("q", [2]))})["y"]) == [2.0]


def test_a_closed_session_says_so(way: str) -> None:
    session = open_session(mixed())
    session.close()
    session.close()
    with pytest.raises(UsageError, match="open session"):
        session.run({"numbers": numbers(1), "texts": texts(1)})


def test_threads_share_a_session(way: str) -> None:
    session = open_session(mixed())
    wanted = {rows: values(session.run({"numbers": numbers(rows), "texts": texts(rows)})["p"]) for rows in (1, 2, 9)}
    wrong: list[object] = []

    def work(rows: int) -> None:
        feeds = {"numbers": numbers(rows), "texts": texts(rows)}
        for _ in range(200):
            result = session.run(feeds)
            if values(result["p"]) != wanted[rows]:
                wrong.append(result)

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (1, 1, 2, 2, 9, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def resident_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_runs_and_refusals_leave_no_memory_behind() -> None:
    ours, _ = open_both(mixed())
    good = {rows: {"numbers": numbers(rows), "texts": texts(rows)} for rows in (1, 3, 2000)}
    bad = {"numbers": numbers(1), "texts": Tensor(dtype="string", shape=(1, 2), data=["a", "\0"])}

    def rounds(count: int) -> None:
        for _ in range(count):
            for feeds in good.values():
                ours.run(feeds)
            with pytest.raises(DataError):
                ours.run(bad)
        gc.collect()

    rounds(50)
    before = resident_kib()
    rounds(150)
    assert resident_kib() - before < 2048


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_opening_and_closing_leaves_no_memory_behind() -> None:
    content = mixed()

    def rounds(count: int) -> None:
        for _ in range(count):
            ours = open_both(content)[0]
            ours.run({"numbers": numbers(1), "texts": texts(1)})
            ours.close()
        gc.collect()

    rounds(20)
    before = resident_kib()
    rounds(40)
    assert resident_kib() - before < 4096


def test_a_dropped_session_is_released_without_the_garbage_collector() -> None:
    session, _ = open_both(mixed())
    session.run({"numbers": numbers(2), "texts": texts(2)})
    session.run({"numbers": numbers(2), "texts": texts(2)})
    gc.collect()
    gc.disable()
    try:
        before = sum(type(one) is Handle for one in gc.get_objects())
        del session
        assert sum(type(one) is Handle for one in gc.get_objects()) == before - 1
    finally:
        gc.enable()
