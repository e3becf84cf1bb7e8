"""TorchScript and `.pt2` files through the command's server, beside what PyTorch itself answers here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.server.browser import browser, find
from tests.server.foreign.processes import wait_for
from tests.server.running import Server, running
from tests.server.test_serve import HEAVY

# TorchScript is deprecated; its files are around.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")]

ROWS = [[1.0, -2.0, 3.0], [0.5, 0.25, -4.0]]


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dense = torch.nn.Linear(3, 2)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.tanh(self.dense(numbers))
        return result


class Twofold(torch.nn.Module):
    def forward(self, numbers: torch.Tensor, codes: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": numbers + codes.unsqueeze(1), "twice": codes * 2}


class Standardized(torch.nn.Module):
    """What is measured first goes through what keeps its shape."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.nn.Parameter(torch.ones(4))
        self.dense = torch.nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.dense(torch.relu(x - self.mean))
        return result


class Picky(torch.nn.Module):
    """Nothing in it tells what it takes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 3:
            raise ValueError("three dimensions")
        return x.sum(1)


OTHERS = {
    "standardized": Standardized(),
    "picture": torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 14 * 14, 2)),
    "grouped": torch.nn.Sequential(torch.nn.Conv1d(6, 4, 3, groups=2), torch.nn.Flatten()),
    "picky": Picky(),
    "twice": torch.nn.ReLU(),
}


@pytest.fixture(scope="module")
def network() -> Network:
    return Network().eval()


@pytest.fixture(scope="module")
def server(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("torch")
    torch.jit.script(network).save(folder / "script.pt")  # type: ignore[no-untyped-call]
    batch = torch.export.Dim("batch", min=1)
    numbers, codes = torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64)
    shapes = {"numbers": {0: batch}, "codes": {0: batch}}
    program = torch.export.export(Twofold(), (numbers,), {"codes": codes}, dynamic_shapes=shapes)
    torch.export.save(program, folder / "twofold.pt2")
    torch.save({"weight": numbers}, folder / "weights.pt")
    for name, module in OTHERS.items():
        torch.jit.script(module.eval()).save(folder / f"{name}.pt")  # type: ignore[no-untyped-call]
    settings = {"trust": True, "log_requests": True}
    with running(sorted(folder.iterdir()), settings) as started:
        for name in ("script", "twofold"):
            wait_for(started, name)
        yield started


def test_torchscript_answers_as_in_torch(server: Server, network: Network) -> None:
    answer = server.post("/v1/models/script:predict", {"instances": ROWS})
    assert answer.status == 200, answer.body
    torch.testing.assert_close(torch.tensor(answer.json["predictions"]), network(torch.tensor(ROWS)).detach())
    metadata = server.get("/v2/models/script").json
    assert [port["name"] for port in metadata["inputs"]] == ["numbers"]


def test_a_mistake_in_the_shape_is_told_without_the_model_s_code(server: Server) -> None:
    answer = server.post("/models/script/predict", {"rows": [{"numbers": [1, 2]}]})
    assert (answer.status, answer.json["error"]["code"]) == (422, "refused_values")
    assert "mat1 and mat2 shapes cannot be multiplied" in answer.json["error"]["message"]
    assert "code/__torch__" not in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("name", "shape", "sample"),
    [
        ("script", [-1, 3], (3,)),
        ("standardized", [-1, 4], (4,)),
        ("picture", [-1, 2, -1, -1], (2, 16, 16)),
        ("grouped", [-1, 6, -1], (6, 8)),
        ("twice", None, ()),
    ],
)
def test_an_example_of_torchscript_works(
    server: Server, name: str, shape: list[int] | None, sample: tuple[int, ...]
) -> None:
    wait_for(server, name)
    described = server.get(f"/models/{name}").json
    (port,) = described["inputs"]
    assert port["shape"] == shape
    assert np.shape(described["example"]["rows"][0][port["name"]]) == sample
    answer = server.post(f"/models/{name}/predict", described["example"])
    assert answer.status == 200, answer.body
    assert server.get(f"/v2/models/{name}").json["inputs"][0]["shape"] == (shape or [])


def test_a_shape_that_nobody_knows_is_not_told(server: Server) -> None:
    wait_for(server, "picky")
    described = server.get("/models/picky").json
    assert described["inputs"] == [{"name": "x", "datatype": "FP32", "shape": None}]
    assert described["example"] is None
    assert described["note"].startswith("The file does not say the shape of 'x'")
    assert server.post("/models/picky/predict", {"rows": [{"x": [[1, 2], [3, 4]]}]}).json == {
        "predictions": [{"output_0": [4.0, 6.0]}]
    }
    signature = server.get("/v1/models/picky/metadata").json["metadata"]["signature_def"]["signature_def"]
    assert signature["serving_default"]["inputs"]["x"]["tensor_shape"] == {"dim": [], "unknown_rank": True}
    body = server.get("/openapi.json").json["paths"]["/models/picky/predict"]["post"]["requestBody"]
    assert "example" not in body["content"]["application/json"]


@pytest.mark.skipif(find() is None and not os.environ.get("CI"), reason="Chromium is not installed")
def test_the_page_takes_rows_where_there_is_no_example(server: Server) -> None:
    wait_for(server, "picky")
    with browser() as chromium:
        page = chromium.open(server.announced["url"] + "/#picky")
        page.wait("document.readyState === 'complete' && model?.name === 'picky'")
        fields = page.run("$('fields').textContent")
        assert "x: FP32 of unknown shape" in fields
        assert "The file does not say the shape of 'x'" in fields
        page.run("$('part-rows').value = '[{\"x\": [[1], [2]]}]', document.querySelector('#form button').click()")
        page.wait("/answered in/.test($('answer').textContent)")
        assert '"x":[[1],[2]]' in page.run("$('code').textContent")
        assert page.mistakes() == []
        page.close()


def test_a_likely_shape_is_told_and_not_asked_for(server: Server) -> None:
    answer = server.post("/models/script/predict", {"rows": [{"numbers": [[1, 2, 3], [4, 5, 6]]}]})
    assert np.shape(answer.json["predictions"][0]["output_0"]) == (2, 2)


def test_pt2_has_names_types_and_shapes_of_its_own(server: Server) -> None:
    metadata = server.get("/v2/models/twofold").json
    assert metadata["inputs"] == [
        {"name": "numbers", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "codes", "datatype": "INT64", "shape": [-1]},
    ]
    answer = server.post("/models/twofold/predict", {"rows": [{"codes": 7, "numbers": [1, 2, 3]}]})
    assert answer.json == {"predictions": [{"sum": [8.0, 9.0, 10.0], "twice": 14}]}
    wrong = server.post("/models/twofold/predict", {"rows": [{"codes": 7.5, "numbers": [1, 2, 3]}]})
    assert (wrong.status, wrong.json["error"]["code"]) == (422, "wrong_type")


def test_weights_alone_are_no_program(server: Server) -> None:
    wait_for(server, "weights", "broken")
    answer = server.post("/models/weights/predict", {"rows": [{"x": 1}]})
    assert (answer.status, answer.json["error"]["code"]) == (503, "model_broken")
    assert "Expected a file of torch.jit.save" in answer.json["error"]["message"]


def test_the_server_itself_never_loads_torch(server: Server) -> None:
    status, output, _ = server.stop()
    assert status == 0
    assert not set(output.split()) & HEAVY
