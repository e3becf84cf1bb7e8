"""How much code it is: lines and tokens of what a user would write, counted the same way for every framework."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping

from ambidex.compare.comparison import Source

SILENT: frozenset[int] = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


def count_code(sources: Mapping[str, str]) -> tuple[Source, ...]:
    """Each framework's source with its lines (neither blank nor comment) and tokens (names, numbers, signs)."""
    return tuple(
        Source(framework=name, text=text, lines=count_lines(text), tokens=count_tokens(text))
        for name, text in sources.items()
    )


def count_lines(text: str) -> int:
    """Lines that are neither blank nor a comment alone; those of a docstring count, as they are read too."""
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def count_tokens(text: str) -> int:
    """Python's tokens without layout and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(1 for token in tokens if token.type not in SILENT)
