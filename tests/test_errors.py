"""Every error is one of ours and of the built-in it resembles, and its message has four parts in one order."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ambidex
from ambidex import errors
from ambidex.errors import AmbidexError, StoppedError, expected, one_of

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AmbidexError)]


def test_a_message_has_its_parts_in_order() -> None:
    assert expected("a number", got="'abc'") == "Expected a number, got 'abc'."
    assert expected("a number", got=3, where="row 3", fix="Send one.") == "Expected a number, got 3 at row 3. Send one."


def test_alternatives_are_sorted() -> None:
    assert one_of(["b", "c", "a"], "zzz") == "one of a, b, c"


def test_the_nearest_name_is_asked_about_after_the_place() -> None:
    message = expected(one_of(["cosine", "constant"], "cosin"), got="'cosin'", where="schedule", fix="Or leave it out.")
    assert message == (
        "Expected one of constant, cosine, got 'cosin' at schedule. Did you mean 'cosine'? Or leave it out."
    )


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind is not AmbidexError])
def test_every_error_is_ours_and_a_built_in(kind: type[AmbidexError]) -> None:
    built_in = [base for base in kind.__mro__ if base.__module__ == "builtins"]
    assert built_in[0] not in (Exception, BaseException, object)
    error = kind("what happened", where="here")
    assert (str(error), error.message, error.where) == ("what happened", "what happened", "here")


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)


def test_failed_work_ends_with_one_and_what_cannot_be_meant_with_two() -> None:
    assert {kind.__name__ for kind in CLASSES if kind.exit_status == 1} == {
        "TrainingError",
        "StoppedError",
        "CertificateError",
    }
    assert {kind.exit_status for kind in CLASSES} == {1, 2}
    assert issubclass(StoppedError, errors.TrainingError)


def test_errors_load_no_module_that_python_has_not_loaded_anyway() -> None:
    code = "import sys; before = set(sys.modules); import ambidex.errors; print(*sorted(set(sys.modules) - before))"
    source = str(Path(ambidex.__file__).parent.parent)
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(found) <= {"__future__", "ambidex", "ambidex._lazy", "ambidex._version", "ambidex.errors"}
