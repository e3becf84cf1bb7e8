"""A page as one HTML file: styles and charts inside, no script, nothing asked of any network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import count
from pathlib import Path

from ambidex.report.chart import draw_chart
from ambidex.report.page import (
    Bars,
    Block,
    Bullets,
    Cell,
    Code,
    Folded,
    Lines,
    Page,
    Section,
    SideBySide,
    Table,
    Text,
)

STYLE = Path(__file__).with_name("page.css")
LONGEST_FIGURE = 32
"""Characters of a cell that stay on one line; a column with longer ones holds words, which wrap."""


def to_html(page: Page) -> str:
    """The page as one document. Raises `BackendError` where it has charts and matplotlib is missing."""
    writer = _Writer()
    named = list(zip(_anchors(page.sections), page.sections, strict=True))
    sections = "\n".join(writer.section(name, section) for name, section in named)
    links = "".join(
        f'<li><a href="#{name}">{escape(section.title)}</a></li>' for name, section in named if section.level == 2
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(page.title)}</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header><h1>{escape(page.title)}</h1><p class="lead">{escape(page.lead)}</p></header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main id="content">
{sections}
</main>
</body>
</html>
"""


def anchor(title: str) -> str:
    """A heading's address on the page."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _anchors(sections: Sequence[Section]) -> list[str]:
    """An address for each heading; one that an earlier heading has is numbered."""
    found: list[str] = []
    for section in sections:
        name = anchor(section.title)
        numbered = (f"{name}-{number}" for number in count(2))
        found.append(name if name not in found else next(one for one in numbered if one not in found))
    return found


class _Writer:
    """Writes blocks; counts charts, whose names must not meet."""

    def __init__(self) -> None:
        self._charts = count(1)

    def section(self, name: str, section: Section) -> str:
        head = f"h{section.level}"
        blocks = "\n".join(self._block(block) for block in section.blocks)
        title = escape(section.title)
        return f'<section aria-labelledby="{name}"><{head} id="{name}">{title}</{head}>\n{blocks}\n</section>'

    def _block(self, block: Block) -> str:
        match block:
            case Text():
                text = marked_up(block.text)
                return f"<p><strong>{text}</strong></p>" if block.strong else f"<p>{text}</p>"
            case Bullets():
                return "<ul>" + "".join(f"<li>{marked_up(item)}</li>" for item in block.items) + "</ul>"
            case Table():
                return _table(block)
            case Lines() | Bars():
                caption = f"<figcaption><b>{escape(block.title)}</b>{escape(block.text)}</figcaption>"
                return f"<figure>{caption}{draw_chart(block, next(self._charts))}</figure>"
            case Code():
                code = f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>'
                return f"<figure><figcaption><b>{escape(block.title)}</b></figcaption>{code}</figure>"
            case SideBySide():
                return f'<div class="beside">{"".join(self._block(part) for part in block.blocks)}</div>'
            case Folded():
                inside = "\n".join(self._block(part) for part in block.blocks)
                return f"<details><summary>{escape(block.summary)}</summary>\n{inside}\n</details>"


def marked_up(text: str) -> str:
    """A text with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(table: Table) -> str:
    kinds = [' class="words"' if _holds_words(cells) else "" for cells in zip(*table.rows, strict=True)]
    kinds = kinds or [""] * len(table.heads)
    named = zip(kinds, table.heads, strict=True)
    heads = "".join(f'<th{kind} scope="col">{escape(head)}</th>' for kind, head in named)
    rows = "\n".join(f"<tr>{''.join(_cells(row, kinds))}</tr>" for row in table.rows)
    caption = escape(table.caption)
    # A table that is wider than a phone scrolls by itself, by keyboard too; the page never does, nor does the caption.
    return (
        f'<p class="caption">{caption}</p><div class="wide" role="region" tabindex="0" aria-label="{caption}">'
        f'<table aria-label="{caption}"><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>'
    )


def _holds_words(cells: Sequence[Cell]) -> bool:
    return any(max(len(cell.text), len(cell.detail)) > LONGEST_FIGURE for cell in cells)


def _cells(row: tuple[Cell, ...], kinds: Sequence[str]) -> Iterator[str]:
    first, *others = row
    detail = f"<br><small>{escape(first.detail)}</small>" if first.detail else ""
    yield f'<th scope="row">{escape(first.text)}{detail}</th>'
    for kind, cell in zip(kinds[1:], others, strict=True):
        mark = f' data-mark="{cell.mark}"' if cell.mark else ""
        detail = "".join(f"<small>{escape(part)}</small>" for part in (cell.detail, cell.verdict) if part)
        yield f"<td{kind}{mark}><strong>{escape(cell.text)}</strong>{detail}</td>"
