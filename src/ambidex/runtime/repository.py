"""The models being served: found in files and folders, loaded aside, swapped in whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import AmbidexError, InputFileError, UsageError, expected, one_of
from ambidex.runtime.foreign import FOLDER, KINDS, SAVED_MODEL, kind_of
from ambidex.runtime.predictor import Predictor

if TYPE_CHECKING:
    from ambidex.artifact import Manifest
    from ambidex.artifact.profile import Profile

SUFFIX = ".ambidex"

Stamp = tuple[int, int, int]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model lies and under which name and version it is served."""

    name: str
    version: int
    path: str


class Served:
    """What is served under a name and a version; `derived` is where protocols keep what they make from it once."""

    def __init__(self, place: Place, stamp: Stamp) -> None:
        self.name = place.name
        self.version = place.version
        self.path = place.path
        self.stamp = stamp
        self.loaded_at = time.time()
        self.derived: dict[str, Any] = {}


class Model(Served):
    """A loaded artifact; `texts` are its card and certificate, `profile` what its training data looked like."""

    def __init__(
        self, place: Place, predictor: Predictor, manifest: Manifest, *, texts: tuple[bytes, bytes], stamp: Stamp
    ) -> None:
        super().__init__(place, stamp)
        self.predictor = predictor
        self.schema = predictor.schema
        self.manifest = manifest
        self.card = texts[0].decode(errors="replace")
        self.certificate = texts[1]
        self.profile: Profile | None = None


def find_places(paths: Sequence[str], *, is_strict: bool = True) -> list[Place]:
    """The models in files and folders.

    If strict, raises `InputFileError` or `UsageError` for what cannot be served; else what is not there is left out.
    """
    if not is_strict:
        return [place for path in paths if os.path.exists(path) for place in places_at(path)]
    places: list[Place] = []
    for path in paths:
        if not os.path.exists(path):
            raise InputFileError(expected("an artifact or a folder of them", got=f"nothing at {path}"), where=path)
        places += places_at(path)
    if not places:
        what = f"NAME{SUFFIX} or NAME/1{SUFFIX} in the given folders"
        raise UsageError(expected(what, got="no model", where=", ".join(map(str, paths)) or "the command line"))
    _check_distinct(places)
    return places


def places_at(path: str) -> list[Place]:
    """The models of one file or folder. Raises `OSError` for a folder that cannot be read."""
    return folder_places(path) if os.path.isdir(path) and kind_of(path) is not FOLDER else [file_place(path)]


def file_place(path: str) -> Place:
    """A file, or a folder that is a SavedModel, is version 1 of the model of its name."""
    return Place(name=_stem(os.path.basename(os.path.abspath(path))), version=1, path=path)


def folder_places(folder: str) -> list[Place]:
    """`name.ambidex` is version 1 of `name`; `name/3.ambidex` is version 3. Other files are nobody's business.

    The same for the suffixes of foreign models; a SavedModel is a folder `name` or, for version 3, `name/3`. A folder
    that holds SavedModels with numbers for names is one model with its versions, as TensorFlow Serving lays it out.
    """
    places = []
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        if entry.startswith("."):
            continue
        if os.path.isfile(path) and _stem(entry) != entry:
            places.append(file_place(path))
        elif os.path.isdir(path) and kind_of(path) is None:
            places += _version_places(entry, path)
        elif os.path.isdir(path):
            own = os.path.basename(os.path.abspath(folder))
            number = _number(entry)
            places.append(file_place(path) if number is None else Place(name=own, version=number, path=path))
    return places


def _version_places(name: str, folder: str) -> list[Place]:
    places = []
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        number = _number(_stem(entry))
        if number is not None and (_stem(entry) != entry or kind_of(path) is FOLDER):
            places.append(Place(name=name, version=number, path=path))
    return places


def _stem(entry: str) -> str:
    """A file's name without the suffix, where that is one of a model."""
    stem, suffix = os.path.splitext(entry)
    if suffix == SUFFIX or suffix in KINDS:
        return stem
    return entry.removesuffix(SUFFIX)


def _number(text: str) -> int | None:
    """A version, written in the one way there is: `01` would be another name for 1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text else None


def _check_distinct(places: Iterable[Place]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for place in places:
        if not place.name:
            raise UsageError(expected("a file name before the suffix", got=place.path), where=place.path)
        other = seen.setdefault((place.name, place.version), place.path)
        if other != place.path:
            message = (
                f"Expected one model per name, got {other} and {place.path} for {place.name!r}. Rename one of them."
            )
            raise UsageError(message, where=place.name)


def file_stamp(path: str) -> Stamp:
    """What changes when a file is replaced: its identity, size and time. Of a SavedModel, the file written last."""
    status = os.stat(os.path.join(path, SAVED_MODEL) if os.path.isdir(path) else path)
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def load_model(place: Place, *, threads: int = 1) -> Model:
    """Reads and checks one artifact and warms it up on the rows of its certificate, whose answers it must give.

    Raises `ArtifactError` or `InputFileError` and leaves nothing behind.
    """
    from ambidex.artifact import CARD, CERTIFICATE, MODEL, TRAINING, open_artifact
    from ambidex.artifact.onnx_reader import check_model
    from ambidex.artifact.profile import read_profile
    from ambidex.runtime.rehearsal import rehearse
    from ambidex.runtime.session import open_session

    stamp = file_stamp(place.path)
    artifact = open_artifact(place.path)
    schema = artifact.manifest.schema
    model = artifact.read(MODEL)
    check_model(model)
    predictor = Predictor(schema, open_session(model, threads=threads))
    predictor.warm_up()
    texts = (artifact.read(CARD), artifact.read(CERTIFICATE))
    rehearse(predictor, texts[1])
    found = Model(place, predictor, artifact.manifest, texts=texts, stamp=stamp)
    found.profile = read_profile(artifact.read(TRAINING))
    return found


class Repository:
    """Models by name and version. Readers see one whole state; writers replace it.

    Reading needs no lock: `_models` is never changed, only replaced.
    """

    def __init__(self) -> None:
        self._models: dict[str, dict[int, Served]] = {}
        self.failures: dict[str, str] = {}
        self.on_change: list[Callable[[], None]] = []

    def names(self) -> list[str]:
        return sorted(self._models)

    def versions(self, name: str) -> list[Served]:
        """The versions of a model, the newest (the default) last. Raises `UsageError` where there is none."""
        versions = self._models.get(name)
        if versions is None:
            what = one_of(self._models, name) if self._models else "a model that is served, of which there is none"
            raise UsageError(expected(what, got=f"model {name!r}"), where=name)
        return [versions[number] for number in sorted(versions)]

    def models(self) -> list[Served]:
        """Every version of every model."""
        return [model for name in self.names() for model in self.versions(name)]

    def get(self, name: str, version: int | None = None) -> Served:
        """One model, the newest version unless told. Raises `UsageError` for one that is not served."""
        versions = self._models.get(name)
        if versions is not None and version is None:
            return versions[max(versions)] if len(versions) > 1 else next(iter(versions.values()))
        for model in self.versions(name):
            if model.version == version:
                return model
        known = ", ".join(str(model.version) for model in self.versions(name))
        raise UsageError(expected(f"version {known} of model {name!r}", got=version), where=name)

    def put(self, model: Served) -> Served | None:
        """Serves a model from now on; returns the one it replaces."""
        versions = dict(self._models.get(model.name, {}))
        old = versions.get(model.version)
        versions[model.version] = model
        self._models = {**self._models, model.name: versions}
        self.failures.pop(model.path, None)
        self._announce()
        return old

    def remove(self, name: str, version: int) -> Served | None:
        """Stops serving one version; requests that hold the model finish with it."""
        versions = dict(self._models.get(name, {}))
        old = versions.pop(version, None)
        rest = {other: kept for other, kept in self._models.items() if other != name}
        self._models = {**rest, name: versions} if versions else rest
        self._announce()
        return old

    def load_all(
        self, places: Sequence[Place], open_place: Callable[[Place], Served], *, asked_for: Collection[str] = ()
    ) -> None:
        """Opens every place. What fails and only lies in a folder is left out and noted in `failures`.

        Raises the error, with the file's name in it, of a path that was asked for, or the first where nothing opens.
        """
        first: AmbidexError | None = None
        for place in places:
            try:
                self.put(open_place(place))
            except AmbidexError as error:
                error.where = error.where or place.path
                if place.path in asked_for:
                    raise
                self.failures[place.path] = error.message
                first = first or error
        if first is not None and asked_for and not self._models:
            raise first

    def _announce(self) -> None:
        for listener in self.on_change:
            listener()
