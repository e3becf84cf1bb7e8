"""Requests that nearly fit: valid ones of every protocol, broken in one to four places."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any, NamedTuple

from tests.server.running import Answer, Server

Json = Any
MODELS = ("adult", "houses", "oil", "stores")
DATATYPES = ("FP64", "FP32", "INT64", "INT32", "UINT8", "BOOL", "BYTES", "FP16", "", "fp64", "日本")
# fmt: off
ODD: tuple[Json, ...] = (
    None, True, False, 0, -1, 1, 1e308, -0.0, 2**31, 2**63, -(2**63), 2**64, 10**30, 0.1, "", " ", "0", "NaN",
    "a" * 5000, "\0", "\ud800", "日本語", "2024-01-31", "2024-13-99", "9999-12-31T23:59:59.999999", "0001-01-01",
    [], {}, [[]], [None], [[[]]], {"": ""}, {"rows": []}, [1, 2, 3], {"b64": "AA=="}, {"b64": "?"}, {"b64": 3},
    "__proto__", "../../etc/passwd",
)
NAMES = (
    "rows", "series", "history", "future", "static", "inputs", "outputs", "instances", "examples", "context", "data",
    "shape", "datatype", "name", "id", "parameters", "signature_name", "age", "rooms", "", "binary_data_size",
)
# fmt: on


class Hostile(NamedTuple):
    """A request to send."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


def examples(server: Server) -> dict[str, Json]:
    """The body that each model's description shows."""
    return {name: server.get(f"/models/{name}").json["example"] for name in MODELS}


def hostile_request(draw: random.Random, known: dict[str, Json]) -> Hostile:
    """The next request."""
    model = draw.choice(MODELS)
    kind = draw.choice(("friendly", "infer", "binary", "predict", "classify", "regress"))
    version = draw.choice(("", "", "", "/versions/1", "/versions/2", "/versions/x"))
    headers: dict[str, str] = {"Content-Type": "application/json"}
    if kind == "friendly":
        path, document = f"/models/{model}{version}/predict", known[model]
    elif kind in {"infer", "binary"}:
        path, document = f"/v2/models/{model}{version}/infer", _tensors(known[model], draw)
    else:
        path, document = f"/v1/models/{model}{version}:{kind}", _tensorflow(known[model], kind, draw)
    document = copy.deepcopy(document)
    for _ in range(draw.randrange(4)):
        document = _spoil(document, draw)
    body = json.dumps(document, ensure_ascii=draw.random() < 0.5).encode(errors="surrogatepass")
    if kind == "binary":
        blob = draw.randbytes(draw.choice((0, 4, 8, 16, 40)))
        headers["Inference-Header-Content-Length"] = draw.choice(
            (str(len(body)), str(len(body) - 1), "-1", "9" * 30, "x")
        )
        body += blob
    if draw.random() < 0.2:
        body = _tear(body, draw)
    return Hostile("POST", path, body, headers)


def _tensors(example: Json, draw: random.Random) -> Json:
    """An Open Inference request about the example's columns."""
    inputs = []
    for part in ("rows", "history", "future", "static"):
        rows = example.get(part) or (example.get("series") or [{}])[0].get(part) or []
        rows = [rows] if isinstance(rows, dict) else rows
        for name in rows[0] if rows else ():
            data = [row[name] for row in rows]
            shape = [len(data)] if part in {"rows", "static"} else [1, len(data)]
            kind = "BYTES" if any(isinstance(value, str) for value in data) else draw.choice(("FP64", "FP32", "INT64"))
            one: Json = {"name": name, "shape": shape, "datatype": kind, "data": data}
            if draw.random() < 0.2:
                raw = struct.pack(f"<{len(data)}d", *(0.0 for _ in data))
                one = one | {"parameters": {"binary_data_size": len(raw)}}
            inputs.append(one)
    return {"id": "1", "inputs": inputs, "outputs": [{"name": draw.choice(("income", "OT", "price", "sold", "none"))}]}


def _tensorflow(example: Json, kind: str, draw: random.Random) -> Json:
    rows = example.get("rows") or [example["series"][0]["history"][0]]
    if kind != "predict":
        return {"examples": rows, "context": {}}
    if draw.random() < 0.5:
        return {"instances": rows}
    return {"inputs": {name: [row[name] for row in rows] for name in rows[0]}}


def _spoil(document: Json, draw: random.Random) -> Json:
    """Changes one place of a JSON document; may return another document altogether."""
    if draw.random() < 0.03 or not isinstance(document, (dict, list)) or not document:
        return copy.deepcopy(draw.choice(ODD))
    holder: Json = document
    while True:
        key: Json = draw.choice(list(holder)) if isinstance(holder, dict) else draw.randrange(len(holder))
        inner = holder[key]
        if not isinstance(inner, (dict, list)) or not inner or draw.random() < 0.3:
            break
        holder = inner
    deed = draw.randrange(6)
    if deed == 0:
        del holder[key]
    elif deed == 1 and isinstance(holder, dict):
        holder[draw.choice(NAMES)] = holder.pop(key)
    elif deed == 2 and isinstance(holder, list):
        holder.extend([copy.deepcopy(inner)] * draw.choice((1, 2, 40)))
    elif deed == 3:
        holder[key] = [inner]
    elif deed == 4 and key == "datatype":
        holder[key] = draw.choice(DATATYPES)
    else:
        holder[key] = copy.deepcopy(draw.choice(ODD))
    return document


def _tear(body: bytes, draw: random.Random) -> bytes:
    """Changes bytes without regard to JSON."""
    at = draw.randrange(len(body) + 1)
    piece = draw.choice(
        (b"NaN", b"Infinity", b"1e999", b"\xff\xfe", b"\0", b'"', b"[" * 2000, b"\\ud800", b"}", b",", b"//")
    )
    return draw.choice((body[:at], body[:at] + piece + body[at:], body[at:], piece, body[:at] + piece + body[at + 1 :]))


def check(asked: Hostile, answer: Answer) -> None:
    """No fault of ours, always valid JSON, an error with a message in its protocol's shape."""
    told = f"{asked} got {answer.status} {answer.body[:500]!r}"
    assert answer.status < 500, told
    if answer.headers["content-type"] == "application/octet-stream":
        document = json.loads(answer.body[: int(answer.headers["inference-header-content-length"])])
    else:
        assert answer.headers["content-type"] == "application/json", told
        document = answer.json
    if answer.status == 200:
        assert {"predictions", "forecasts", "outputs", "results"} & set(document), told
        return
    error = document["error"]
    message = error["message"] if asked.path.startswith("/models") else error
    assert isinstance(message, str), told
    assert message, told
