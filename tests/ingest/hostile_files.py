"""Hostile files of others' formats, one per known hole. Run as a module, it writes the copies and their table."""

from __future__ import annotations

from pathlib import Path

from tests.ingest.hostile_case import Case
from tests.ingest.hostile_keras import KERAS
from tests.ingest.hostile_onnx import ONNX
from tests.ingest.hostile_programs import PROGRAMS, saved_model
from tests.ingest.hostile_skops import SKOPS

from ambidex.runtime.foreign import kind_of

FOLDER = Path(__file__).parent / "hostile"
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
CASES: dict[str, Case] = {
    **PROGRAMS,
    "saved_model/saved_model.pb": Case(
        make=saved_model,
        about="a SavedModel that reads a file (TensorFlow: models are programs)",
        imported="a SavedModel is a program, so reading it can run code",
        served="Expected --trust for a SavedModel",
    ),
    **KERAS,
    **ONNX,
    **SKOPS,
}
"""How each file is made, and what its refusals say."""


def table() -> str:
    """Every file, what it is about, and what refuses it, as it stands in `docs/security.md`."""
    lines = ["| file | what it is | `import` says | `serve` says |", "|---|---|---|---|"]
    for name, case in CASES.items():
        served = case.worker or case.served
        words = served.removesuffix(", ") if kind_of(str(path_of(name))) else "(not a kind that it serves) Refused"
        lines.append(f"| `{name}` | {case.about} | {case.imported} | {words}{' ¹' if case.worker else ''} |")
    return "\n".join(lines)


def path_of(name: str) -> Path:
    """The path by which a user names the file: of a SavedModel, the folder."""
    path = FOLDER / name
    return path.parent if path.parent != FOLDER else path


def write_all() -> None:
    """Writes the committed copies, and the table in the page between the heading's text and the footnote."""
    for name, case in CASES.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.make())
    page = PAGE.read_text(encoding="utf-8")
    before, after = page[: page.index("| file |")], page[page.index("\n\n¹ ") :]
    PAGE.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    write_all()
