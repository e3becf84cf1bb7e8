"""The certificate: a few rows with the answers they must give, and how far each edition is from the reference."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ambidex.artifact.format import CERTIFICATE
from ambidex.artifact.strict_json import decode_json, encode_json

MAX_ROWS = 20
"""Rows kept in the artifact at most."""

Status = Literal["passed", "failed", "not_run"]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One engine beside the float64 reference.

    Differences are in units of the target's standard deviation on the fitted part; probabilities as they are.
    `tolerance` is what `max_abs` had to stay below; `reason` says why an edition failed or was not run.
    """

    status: Status
    max_abs: float | None = None
    mean_abs: float | None = None
    changed_decisions: Count = 0
    rows: Count = 0
    tolerance: float | None = None
    reason: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`certificate.json`. `rows` are raw columns by name, `outputs` the answers by output name; null is missing.

    Values are nested lists: one item per row, for series one list of steps per row. At most 20 rows.
    """

    rows: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    editions: dict[str, Edition]
    rows_compared: Count
    reference: str = "numpy float64"

    def __post_init__(self) -> None:
        lengths = {len(values) for values in (*self.rows.values(), *self.outputs.values())}
        if len(lengths) > 1:
            raise ValueError(f"Expected one number of rows, got {sorted(lengths)}.")
        if lengths and max(lengths) > MAX_ROWS:
            raise ValueError(f"Expected at most {MAX_ROWS} rows, got {max(lengths)}.")

    @property
    def holds(self) -> bool:
        """Whether no edition failed."""
        return all(edition.status != "failed" for edition in self.editions.values())


def decode_certificate(raw: bytes) -> Certificate:
    """The certificate in the entry. Raises `ArtifactError`."""
    return decode_json(raw, Certificate, entry=CERTIFICATE)


def encode_certificate(certificate: Certificate) -> bytes:
    """The certificate as JSON. Raises `DataError` for NaN: what is missing is None."""
    return encode_json(certificate)
