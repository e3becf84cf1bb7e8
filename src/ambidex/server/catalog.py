"""Keeps what is served in step with the files: new and changed artifacts are loaded aside and swapped in whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence

from ambidex.errors import AmbidexError, ArtifactError, InputFileError, UsageError, expected
from ambidex.runtime.repository import Place, Repository, Served, Stamp, file_stamp, places_at
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.loader import Loader

Log = Callable[[Mapping[str, object]], None]
Key = tuple[str, int]


class Catalog:
    """The files behind a repository. Its methods block and may be called from any thread, one at a time."""

    def __init__(self, paths: Sequence[str], repository: Repository, loader: Loader) -> None:
        self._paths = list(paths)
        self._repository = repository
        self.loader = loader
        self.log: Log = lambda fields: None
        self._lock = threading.Lock()
        self._refused: dict[str, Stamp] = {}
        self._unloaded: set[str] = set()
        self.on_retired: Callable[[Served], None] = lambda model: None

    def note_failures(self) -> None:
        """Logs what was left out at the start; it is not tried again before it changes."""
        for path, message in self._repository.failures.items():
            if os.path.exists(path):
                self._refused[path] = file_stamp(path)
            self.log({"event": "refused", "path": path, "error": message})

    def refresh(self) -> None:
        """Loads what is new or changed, lets go of what has left a folder. A broken file changes nothing served."""
        with self._lock:
            places = self._places()
            served = {(model.name, model.version): model for model in self._repository.models()}
            for key, place in places.items():
                if place.name not in self._unloaded:
                    self._load_if_changed(place, served.get(key))
            for key, model in served.items():
                if key not in places and model.path not in self._paths:
                    self._retire(self._repository.remove(*key), "removed")
            self._forget_failures({place.path for place in places.values()})

    def _places(self) -> dict[Key, Place]:
        """The artifacts there are now; of two with one name the first counts."""
        found: dict[Key, Place] = {}
        for path in self._paths:
            try:
                places = places_at(path)
            except OSError as error:
                self._repository.failures[path] = f"Expected a readable folder, got {error.strerror}."
                continue
            for place in places:
                if os.path.exists(place.path):
                    found.setdefault((place.name, place.version), place)
        return found

    def _load_if_changed(self, place: Place, old: Served | None) -> None:
        try:
            stamp = file_stamp(place.path)
        except OSError:
            return  # gone again between two looks
        is_known = old is not None and (old.path, old.stamp) == (place.path, stamp)
        if is_known or self._refused.get(place.path) == stamp:
            return
        try:
            self._swap(place, old)
        except (ArtifactError, InputFileError) as error:
            self._refused[place.path] = stamp
            self._repository.failures[place.path] = error.message
            self.log({"event": "refused", "path": place.path, "error": error.message})

    def _swap(self, place: Place, old: Served | None, *, is_asked: bool = False) -> None:
        model = self.loader.renew(place, old, is_asked=is_asked)
        self._refused.pop(place.path, None)
        replaced = self._repository.put(model)
        self.log({"event": "loaded", "model": model.name, "version": model.version, "path": model.path})
        self._retire(replaced, "replaced")

    def _retire(self, model: Served | None, why: str) -> None:
        if model is not None:
            self.log({"event": why, "model": model.name, "version": model.version})
            self.on_retired(model)

    def _forget_failures(self, paths: set[str]) -> None:
        for path in list(self._repository.failures):
            if path not in paths and path not in self._paths:
                self._repository.failures.pop(path, None)
                self._refused.pop(path, None)

    def load(self, name: str) -> None:
        """Loads every version of a model anew. Raises `UsageError` if no file has that name, `ArtifactError`."""
        with self._lock:
            places = [place for place in self._places().values() if place.name == name]
            if not places:
                raise UsageError(expected("the name of a file that is served", got=repr(name)), where=name)
            for place in places:
                self._swap(place, None, is_asked=True)
            self._unloaded.discard(name)

    def unload(self, name: str) -> None:
        """Stops serving a model until it is loaded again. Raises `UsageError` if it is not served."""
        with self._lock:
            versions = self._repository.versions(name)
            self._unloaded.add(name)
            for model in versions:
                self._retire(self._repository.remove(name, model.version), "unloaded")

    def index(self) -> list[dict[str, str]]:
        """Every model and version there is a file for, with its state, as the repository extension lists them."""
        served = {(model.name, model.version): model for model in self._repository.models()}
        failures = self._repository.failures
        entries = []
        for key, place in sorted(self._places().items()):
            reason = failures.get(place.path, "")
            state = "READY" if key in served and is_ready(served[key]) else "UNAVAILABLE"
            if not reason and state == "UNAVAILABLE":
                absent = "unloaded" if place.name in self._unloaded else "not loaded yet"
                reason = "its framework loads it when it is first asked" if key in served else absent
            entries.append({"name": place.name, "version": str(place.version), "state": state, "reason": reason})
        return entries


def is_ready(model: Served) -> bool:
    """Whether a model answers: an artifact does once it is served, a foreign one while its process is up."""
    return not isinstance(model, ForeignModel) or model.is_up


def describe(error: Exception) -> str:
    """What went wrong, for a log."""
    return error.message if isinstance(error, AmbidexError) else f"{type(error).__name__}: {error}"
