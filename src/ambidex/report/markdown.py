"""A page as Markdown: what a table cannot hold stands in words, charts as the sentence that describes them."""

from __future__ import annotations

from collections.abc import Iterator

from ambidex.report.page import (
    Bars,
    Block,
    Bullets,
    Cell,
    Code,
    Folded,
    Lines,
    Page,
    SideBySide,
    Table,
    Text,
)


def to_markdown(page: Page) -> str:
    """The page as one Markdown document."""
    lines = [f"# {page.title}", "", page.lead, ""]
    for section in page.sections:
        lines += [f"{'#' * section.level} {section.title}", ""]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join(lines).rstrip() + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text():
            yield from (f"**{block.text}**" if block.strong else block.text, "")
        case Bullets():
            yield from (f"- {item}" for item in block.items)
            yield ""
        case Table():
            yield from _table(block)
        case Lines() | Bars():
            yield from (f"*{block.title}.* {block.text}", "")
        case Code():
            yield from (f"*{block.title}*", "", f"```{block.language}", block.text.rstrip(), "```", "")
        case SideBySide():
            for part in block.blocks:
                yield from _block(part)
        case Folded():
            yield from (f"**{block.summary}**", "")
            for inner in block.blocks:
                yield from _block(inner)


def _table(table: Table) -> Iterator[str]:
    yield from (f"*{table.caption}*", "")
    yield f"| {' | '.join(map(_escape, table.heads))} |"
    yield "|" + "---|" * len(table.heads)
    for row in table.rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    yield ""


def _cell(cell: Cell) -> str:
    details = "; ".join(part for part in (cell.detail, cell.verdict) if part)
    text = f"{cell.text} ({details})" if details else cell.text
    return f"**{_escape(text)}**" if cell.mark else _escape(text)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
