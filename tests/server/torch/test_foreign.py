"""TorchScript and `.pt2` files through the command's server, beside what PyTorch itself answers here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

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
    settings = {"trust": True, "log_requests": True}
    with running([folder / name for name in ("script.pt", "twofold.pt2", "weights.pt")], settings) as started:
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
