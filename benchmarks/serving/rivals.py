"""Servers to compare with, each written by hand as its users would: `rivals.py NAME MODEL.onnx`, prints its port.

`bare` has no validation, no metrics and no limits: uvloop, httptools, orjson and onnxruntime's Python binding.
`fastapi` is the usual way: pydantic models, a synchronous function, the default session. `script` is the least one can
write: the standard library's HTTP server around onnxruntime's binding.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
FEATURES = [f"x{position}" for position in range(20)]


def script(path: str) -> None:
    """Imports onnxruntime, opens a session and a socket, answers."""
    import json
    from http.server import BaseHTTPRequestHandler, HTTPServer

    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["rows"]
            numbers = np.array([[row[name] for name in FEATURES] for row in rows], np.float64)
            labels, shares = session.run(None, {"numbers": numbers})
            body = json.dumps({"predictions": list(map(str, labels)), "p": shares.tolist()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *parts: object) -> None:  # type: ignore[override]
            del parts

    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def bare(path: str) -> None:
    """The fastest that Python can do when it checks nothing."""
    import asyncio

    import httptools
    import numpy as np
    import onnxruntime
    import orjson
    import uvloop

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(path, options)._sess.run  # noqa: SLF001 - the binding's own shortest way
    outputs = ["label", "label_probabilities"]

    class Handler(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.parser, self.body = transport, httptools.HttpRequestParser(self), b""

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_body(self, body: bytes) -> None:
            self.body += body

        def on_message_complete(self) -> None:
            rows = orjson.loads(self.body)["rows"]
            self.body = b""
            numbers = np.array([[row[name] for name in FEATURES] for row in rows], np.float64)
            labels, shares = run(outputs, {"numbers": numbers}, None)
            pairs = zip(labels, shares.tolist(), strict=True)
            answers = [{"label": label, "probabilities": {"no": no, "yes": yes}} for label, (no, yes) in pairs]
            body = orjson.dumps({"predictions": answers})
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self.transport.write(head + body)

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Handler, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    uvloop.run(main())


def fastapi(path: str) -> None:
    """FastAPI as its tutorial shows it."""
    import numpy as np
    import onnxruntime
    import uvicorn
    from fastapi import FastAPI
    from pydantic import create_model

    session = onnxruntime.InferenceSession(path)
    row: Any = create_model("Row", **dict.fromkeys(FEATURES, (float, ...)))
    request: Any = create_model("Request", rows=(list[row], ...))
    app = FastAPI()

    def predict(body: request) -> dict[str, Any]:
        numbers = np.array([[getattr(one, name) for name in FEATURES] for one in body.rows], np.float64)
        labels, shares = session.run(None, {"numbers": numbers})
        pairs = zip(labels, shares.tolist(), strict=True)
        answers = [{"label": label, "probabilities": {"no": no, "yes": yes}} for label, (no, yes) in pairs]
        return {"predictions": answers}

    predict.__annotations__["body"] = request
    app.post("/models/mlp/predict")(predict)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listener])


if __name__ == "__main__":
    {"script": script, "bare": bare, "fastapi": fastapi}[sys.argv[1]](sys.argv[2])
