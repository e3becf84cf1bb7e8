"""The KServe client, REST in both protocol versions and gRPC: `python -m tests.clients.kserve_calls HTTP GRPC`."""

from __future__ import annotations

import asyncio
import sys

from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

PRICES = [2.0, 4.0]


def asked() -> InferRequest:
    tensor = InferInput(name="rooms", shape=[2, 1], datatype="FP64", data=[1.0, 2.0])
    return InferRequest(model_name="houses", infer_inputs=[tensor], request_id="7")


async def ask_rest(address: str) -> None:
    url = f"http://{address}"
    second = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await second.is_server_live(url)
    assert await second.is_server_ready(url)
    assert await second.is_model_ready(url, model_name="houses")
    answer = await second.infer(url, asked(), model_name="houses")
    assert list(answer.outputs[0].as_numpy().ravel()) == PRICES
    first = InferenceRESTClient(RESTConfig(protocol="v1"))
    rows = {"instances": [{"rooms": 1}, {"rooms": 2}]}
    assert (await first.infer(url, rows, model_name="houses"))["predictions"] == PRICES
    await first.close()
    await second.close()


async def ask_grpc(address: str) -> None:
    client = InferenceGRPCClient(address)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("houses")
    answer = await client.infer(asked())
    assert list(answer.outputs[0].as_numpy().ravel()) == PRICES
    await client.close()


async def main(http: str, grpc: str) -> None:
    await ask_rest(http)
    await ask_grpc(grpc)
    print("kserve: REST v1, REST v2, gRPC")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
