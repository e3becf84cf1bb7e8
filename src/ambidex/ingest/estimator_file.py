"""scikit-learn estimators from files: pickles, which can run code and need trust, and skops, which need not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ambidex.errors import InputFileError, expected
from ambidex.ingest.estimator import read_estimator
from ambidex.ingest.foreign import Foreign, ModelRefusedError
from ambidex.runtime.plain_zip import open_zip


def read_pickle(path: Path) -> Foreign:
    """A pickled estimator. Whoever calls this has been told that the file is trusted."""
    import joblib

    try:
        estimator = joblib.load(path)
    except Exception as error:  # noqa: BLE001 - a pickle can raise anything
        raise _damaged("a pickled estimator", error, path) from None
    return _estimator(estimator, path)


def read_skops(path: Path) -> Foreign:
    """An estimator saved by skops, without types that skops does not know as harmless.

    Raises `ArtifactError` for a zip with tricks, `InputFileError` for other damage, `ModelRefusedError` for such types.
    """
    open_zip(str(path), "a file of skops, which is a zip").close()
    import skops.io  # which takes seconds

    raw = path.read_bytes()
    try:
        unknown = skops.io.get_untrusted_types(data=raw)
        found = None if unknown else skops.io.loads(raw)
    except Exception as error:  # noqa: BLE001 - a damaged file fails in ways of its own
        raise _damaged("a file of skops", error, path) from None
    if unknown:
        fix = "Save it without them, or as a pickle and import that with --trust."
        raise ModelRefusedError(expected("types that skops trusts", got=", ".join(unknown[:5]), fix=fix))
    return _estimator(found, path)


def _damaged(what: str, error: Exception, path: Path) -> InputFileError:
    got = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return InputFileError(expected(what, got=got, where=str(path)))


def _estimator(found: Any, path: Path) -> Foreign:
    if not hasattr(found, "predict"):
        raise InputFileError(expected("an estimator", got=type(found).__name__, where=str(path)))
    return read_estimator(found)
