"""Every error a user can meet, and how it reads.

    AmbidexError
    ├── UsageError (ValueError)         an option or a call that cannot be meant
    ├── DataError (ValueError)          a table, a series or a value that cannot be used
    ├── InputFileError (OSError)        a file to read that is missing, unreadable or of no known kind
    ├── OutputFileError (OSError)       a file that cannot be written
    ├── ArtifactError (ValueError)      an artifact that is damaged, foreign or unsafe
    ├── BackendError (ImportError)      an engine that is unknown or not installed
    ├── TrainingError (RuntimeError)    the work itself failed (no finite loss, no room on the disk)
    │   └── StoppedError                the user or the system stopped it; a checkpoint remains
    └── CertificateError (ArithmeticError)  an edition disagrees with the reference

A message has up to four parts, in this order: what was expected, what came, where, and what to do.
"""

from __future__ import annotations

# Type checkers read this name as true; the import costs more than all that stands here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_HINT = " Did you mean "


class AmbidexError(Exception):
    """The root; `code` names the kind for machines, `where` the place, `exit_status` what a command ends with."""

    code = "error"
    exit_status = 2

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return self.message


class UsageError(AmbidexError, ValueError):
    """An option, a configuration or a call that cannot be meant."""

    code = "usage"


class DataError(AmbidexError, ValueError):
    """A table, a series or a single value that cannot be used."""

    code = "data"


class InputFileError(AmbidexError, OSError):
    """A file to read that is missing, unreadable, empty or of no known kind."""

    code = "input_file"


class OutputFileError(AmbidexError, OSError):
    """A file or folder that cannot be written where the user asked for it."""

    code = "output_file"


class ArtifactError(AmbidexError, ValueError):
    """An artifact that is damaged, of an unknown format, or unsafe to read."""

    code = "artifact"


class BackendError(AmbidexError, ImportError):
    """An engine that does not exist or is not installed here."""

    code = "backend"


class TrainingError(AmbidexError, RuntimeError):
    """The work itself failed: no finite loss, no room left, a device that gave up."""

    code = "training"
    exit_status = 1


class StoppedError(TrainingError):
    """Training was stopped from outside; what was reached is kept in the checkpoint."""

    code = "stopped"


class CertificateError(AmbidexError, ArithmeticError):
    """An edition of the model disagrees with the float64 reference by more than the promise."""

    code = "certificate"
    exit_status = 1


def expected(what: str, *, got: object, where: str = "", fix: str = "") -> str:
    """Composes a message in the house's grammar: expected · got · where · what to do.

    A nearest name that `one_of` put at the end of `what` is asked about after the place.
    """
    place = f" at {where}" if where else ""
    what, mark, nearest = what.partition(f".{_HINT}")
    hint = _HINT + nearest if mark else ""
    advice = f" {fix}" if fix else ""
    return f"Expected {what}, got {got}{place}.{hint}{advice}"


def one_of(names: Iterable[str], given: str) -> str:
    """The alternatives to a name that is unknown, with the nearest one suggested."""
    from difflib import get_close_matches

    known = sorted(names)
    near = get_close_matches(given, known, n=1)
    hint = f".{_HINT}{near[0]!r}?" if near else ""
    return f"one of {', '.join(known)}{hint}"
