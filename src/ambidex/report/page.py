"""A page as data: sections of texts, lists, tables, charts and code, written as HTML or Markdown elsewhere."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A paragraph; `strong` sets it apart."""

    text: str
    strong: bool = False


class Bullets(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Points of a list."""

    items: tuple[str, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a table: what stands large in it, and what small beneath. `mark` is `more`, `less` or nothing."""

    text: str
    detail: str = ""
    verdict: str = ""
    mark: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A table whose first column names its rows."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line or one bar of a chart, with bounds where there are any; `place` chooses its colour and style."""

    name: str
    place: int = 0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class Lines(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Lines over a common axis, each with the band between `low` and `high`; `text` says it in words."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    text: str
    is_log_x: bool = False


class Bars(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One bar per series (its first `y`) with its interval; `text` says it in words."""

    title: str
    x_label: str
    series: tuple[Series, ...]
    text: str


class Code(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Source code under a heading; `language` as Markdown calls it."""

    title: str
    text: str
    language: str = "python"


class SideBySide(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Blocks beside each other where there is room."""

    blocks: tuple[Lines | Bars | Code, ...]


class Folded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Blocks behind a line that opens them."""

    summary: str
    blocks: tuple[Block, ...]


Block = Text | Bullets | Table | Lines | Bars | Code | SideBySide | Folded


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and what belongs below it; `level` 2 or 3."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole page."""

    title: str
    lead: str
    sections: tuple[Section, ...]
