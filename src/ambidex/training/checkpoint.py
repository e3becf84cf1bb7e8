"""Checkpoints in a folder beside the artifact: one file per epoch, each whole or not there."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from ambidex.artifact.store import write_whole
from ambidex.errors import ArtifactError, UsageError, expected
from ambidex.graph.storage import arrays_from_bytes, arrays_to_bytes
from ambidex.training.history import History
from ambidex.training.loop import State

KEPT = 2
"""The newest files that stay: the last one, and the one before in case the last was being written."""
RUN = "run.json"


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    history: History
    elapsed_s: float


class CheckpointFolder:
    """`OUT.ambidex.ckpt/`: `run.json` says what run this is, `epoch-0007.ckpt` is a state.

    A file is the length of a JSON head, the head, and safetensors with the arrays of `weights/`, `best/` and
    `optimizer/`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, run: dict[str, Any], *, is_resuming: bool, free: Collection[str] = ()) -> State | None:
        """Opens the folder for a run; the state to go on from, or None to start afresh.

        Raises `UsageError` naming the first difference where another run left the folder. What the dotted paths `free`
        name may differ; the folder then is this run's.
        """
        state = None
        if is_resuming and (self.folder / RUN).exists():
            self._check_same(run, free)
            state = self._newest()
        if state is None:
            self.remove()
            self.folder.mkdir(parents=True)
        write_whole(self.folder / RUN, [msgspec.json.encode(run)])
        return state

    def last_run(self) -> dict[str, Any]:
        """What run left the folder, as `begin` was told; empty where none did."""
        path = self.folder / RUN
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
        return found

    def save(self, state: State) -> None:
        """Writes the newest epoch, then drops the oldest files."""
        head = msgspec.json.encode(_Head(history=state.history, elapsed_s=state.elapsed_s))
        groups = {"weights": state.weights, "best": state.best_weights, "optimizer": state.optimizer}
        arrays = {f"{group}/{name}": array for group, part in groups.items() for name, array in part.items()}
        name = f"epoch-{len(state.history.epochs) - 1:04d}.ckpt"
        write_whole(self.folder / name, [struct.pack("<Q", len(head)), head, arrays_to_bytes(arrays)])
        for old in self._files()[:-KEPT]:
            old.unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes the folder with everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.ckpt"), key=lambda path: (len(path.name), path.name))

    def _newest(self) -> State | None:
        for path in reversed(self._files()):
            try:
                return _read(path.read_bytes())
            except (ArtifactError, msgspec.DecodeError, struct.error):
                continue
        return None

    def _check_same(self, run: dict[str, Any], free: Collection[str]) -> None:
        now = msgspec.json.decode(msgspec.json.encode(run))
        difference = _first_difference(self.last_run(), now, "", free)
        if difference:
            path, old, new = difference
            fix = "Repeat the first run's options, or leave out --resume to start afresh."
            message = expected(f"{path} {old!r} as in the run to resume", got=repr(new), where="--resume", fix=fix)
            raise UsageError(message, where=path)


def _read(data: bytes) -> State:
    (length,) = struct.unpack_from("<Q", data)
    head = msgspec.json.decode(data[8 : 8 + length], type=_Head)
    groups: dict[str, dict[str, Any]] = {"weights": {}, "best": {}, "optimizer": {}}
    for path, array in arrays_from_bytes(data[8 + length :]).items():
        group, _, name = path.partition("/")
        groups[group][name] = array
    return State(
        history=head.history,
        weights=groups["weights"],
        best_weights=groups["best"],
        optimizer=groups["optimizer"],
        elapsed_s=head.elapsed_s,
    )


def _first_difference(before: Any, now: Any, path: str, free: Collection[str]) -> tuple[str, Any, Any] | None:
    if path in free:
        return None
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            found = _first_difference(before.get(key), now.get(key), f"{path}.{key}" if path else key, free)
            if found:
                return found
        return None
    return None if before == now else (path, before, now)
