"""Every call of tritonclient that a server without shared memory and streams can answer, over HTTP and gRPC.

    python -m tests.clients.triton_calls HTTP_HOST:PORT GRPC_HOST:PORT

Expects the tests' models and a server with --allow-control.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

PRICES = [[2.0], [4.0]]


def rooms(library: Any) -> list[Any]:
    tensor = library.InferInput("rooms", [2, 1], "FP64")
    tensor.set_data_from_numpy(np.array([[1.0], [2.0]]))
    return [tensor]


def plain(answer: Any) -> Any:
    """A message of gRPC as HTTP would write it."""
    from google.protobuf.json_format import MessageToDict

    return answer if isinstance(answer, (dict, list)) else MessageToDict(answer, preserving_proto_field_name=True)


def check_model(metadata: Any, config: Any, statistics: Any) -> None:
    """What the server says about `houses`, in either protocol."""
    assert [port["name"] for port in plain(metadata)["inputs"]] == ["rooms"]
    described = plain(config)
    described = described.get("config", described)
    assert described["max_batch_size"] > 1
    assert described["input"][0]["data_type"] == "TYPE_FP64"  # by gRPC a number, which the client's own enum names
    (counts,) = plain(statistics)["model_stats"]
    assert int(counts["inference_count"]) >= 2
    assert int(counts["inference_stats"]["success"]["count"]) >= 1


def names_of(index: Any) -> dict[str, str]:
    entries = index if isinstance(index, list) else index.models
    parts = [entry if isinstance(entry, dict) else {"name": entry.name, "state": entry.state} for entry in entries]
    return {part["name"]: part["state"] for part in parts}


def refused(ask: Callable[[], object], *words: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        ask()
    assert any(word in str(caught.value) for word in words), caught.value


def ask_plainly(library: Any, address: str) -> None:
    client = library.InferenceServerClient(address)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("houses", "1")
    assert not client.is_model_ready("nope")
    assert "ambidex" in str(client.get_server_metadata())
    assert client.infer("houses", rooms(library), request_id="7").as_numpy("price").tolist() == PRICES
    waiting(library, client)
    check_model(client.get_model_metadata("houses"), client.get_model_config("houses"), statistics(client))
    assert names_of(client.get_model_repository_index())["houses"] == "READY"
    client.unload_model("houses")
    assert names_of(client.get_model_repository_index())["houses"] == "UNAVAILABLE"
    refused(lambda: client.infer("houses", rooms(library)), "houses")
    client.load_model("houses")
    assert client.infer("houses", rooms(library)).as_numpy("price").tolist() == PRICES
    refused(lambda: client.load_model("houses", config="{}"), "configuration")
    refused(lambda: client.load_model("nope"), "nope")
    refused(lambda: client.get_model_config("nope"), "nope")
    refused(lambda: client.infer("houses", rooms(library), model_version="9"), "version")
    refused(lambda: client.infer("adult", rooms(library)), "rooms")
    client.close()


def statistics(client: Any) -> Any:
    return client.get_inference_statistics("houses")


def waiting(library: Any, client: Any) -> None:
    """The same with answers that come later."""
    if library is tritonclient.http:
        asked = [client.async_infer("houses", rooms(library)) for _ in range(4)]
        answers = [one.get_result() for one in asked]
    else:
        import queue

        seen: queue.Queue[tuple[Any, Any]] = queue.Queue()
        for _ in range(4):
            client.async_infer("houses", rooms(library), callback=lambda result, error: seen.put((result, error)))
        pairs = [seen.get(timeout=20) for _ in range(4)]
        assert not any(error for _, error in pairs), pairs
        answers = [result for result, _ in pairs]
    assert all(answer.as_numpy("price").tolist() == PRICES for answer in answers)


async def ask_in_a_loop(library: Any, plain_library: Any, address: str) -> None:
    client = library.InferenceServerClient(address)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("houses")
    assert "ambidex" in str(await client.get_server_metadata())
    answers = await asyncio.gather(*(client.infer("houses", rooms(plain_library)) for _ in range(8)))
    assert all(answer.as_numpy("price").tolist() == PRICES for answer in answers)
    parts = (client.get_model_metadata, client.get_model_config, client.get_inference_statistics)
    check_model(*[await ask("houses") for ask in parts])
    assert names_of(await client.get_model_repository_index())["houses"] == "READY"
    await client.unload_model("houses")
    await client.load_model("houses")
    await client.close()


def main(http: str, grpc: str) -> None:
    ask_plainly(tritonclient.http, http)
    ask_plainly(tritonclient.grpc, grpc)
    asyncio.run(ask_in_a_loop(tritonclient.http.aio, tritonclient.http, http))
    asyncio.run(ask_in_a_loop(tritonclient.grpc.aio, tritonclient.grpc, grpc))
    print("tritonclient: http, grpc, http.aio, grpc.aio")


if __name__ == "__main__":
    main(*sys.argv[1:])
