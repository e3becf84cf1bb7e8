"""Answer requests over HTTP with onnxruntime alone, until SIGTERM or Ctrl-C.

Prints "Serving http://127.0.0.1:8080" on standard output once it answers. A folder holds NAME.ambidex files or
NAME/1.ambidex, NAME/2.ambidex, …; the highest number is the default version.

Example:
  ambidex serve adult.ambidex oil.ambidex --port 8080
  curl -d '{"rows": [{"age": 39, …}]}' http://127.0.0.1:8080/models/adult/predict
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`."""
    parser.add_argument("paths", metavar="FILE_OR_FOLDER", nargs="+")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--json", action="store_true", help="announce the address as a JSON object")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from ambidex.server.serve import serve

    serve(args.paths, host=args.host, port=args.port, json_output=args.json)
    return 0
