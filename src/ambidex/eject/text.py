"""Python as text, laid out as ruff lays it out: what is written here needs no formatter afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 88
"""Columns of a line: the default of ruff and black."""


def quote(text: str) -> str:
    """A string literal, in double quotes unless that takes more escapes."""
    plain = repr(text)
    if plain[0] == '"':
        return plain
    inner = plain[1:-1]
    if '"' not in inner:
        return f'"{inner}"'
    if "'" not in inner:
        return plain
    bare = inner.replace("\\'", "'")
    return plain if bare.count('"') > bare.count("'") else '"' + bare.replace('"', '\\"') + '"'


def literal(value: Any) -> str:
    """A value of JSON's kinds (and tuples) as a literal on one line."""
    if type(value) is str:
        return quote(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def collection(name: str, value: Sequence[Any] | Mapping[Any, Any], *, at: int = 0) -> list[str]:
    """`name = [...]` (or a tuple, or a dict): on one line where it fits, else an item per line.

    `at` is the column where the lines will stand; the same for the functions below.
    """
    one = f"{name} = {literal(value)}"
    if len(one) + at <= WIDTH:
        return [one]
    opening, closing = {"dict": ("{", "}"), "list": ("[", "]"), "tuple": ("(", ")")}[type(value).__name__]
    if isinstance(value, Mapping):
        items = [f"{literal(key)}: {literal(item)}" for key, item in value.items()]
    else:
        items = [literal(item) for item in value]
    return [f"{name} = {opening}", *(f"    {item}," for item in items), closing]


def call(head: str, arguments: Sequence[str], *, tail: str = "", at: int = 0) -> list[str]:
    """`head(arguments)tail`: on one line, with the arguments on a line of their own, or with a line for each."""
    joined = ", ".join(arguments)
    if len(one := f"{head}({joined}){tail}") + at <= WIDTH:
        return [one]
    if len(two := f"    {joined}") + at <= WIDTH:
        return [f"{head}(", two, f"){tail}"]
    return [f"{head}(", *(f"    {argument}," for argument in arguments), f"){tail}"]


def comprehension(head: str, element: str, loop: str, close: str, *, at: int = 0) -> list[str]:
    """`head` `element` `loop` `close`: on one line, on three, or with the loop below the element."""
    if len(one := f"{head}{element} {loop}{close}") + at <= WIDTH:
        return [one]
    if len(two := f"    {element} {loop}") + at <= WIDTH:
        return [head, two, close]
    return [head, f"    {element}", f"    {loop}", close]


def indented(lines: Iterable[str], by: int = 4) -> list[str]:
    """The lines further to the right; empty ones stay empty."""
    return [" " * by + line if line else "" for line in lines]


def block(text: str) -> list[str]:
    """The lines of a fragment written as a triple-quoted string, without the blank ones around it."""
    return text.strip("\n").split("\n")


def keep(text: str, **conditions: bool) -> list[str]:
    """A fragment whose lines may end in `  #? NAME` (or `  #? not NAME`): kept where that condition holds.

    Several names are joined by `and`. A line `#? NAME` alone stands for nothing.
    """
    found = []
    for line in block(text):
        code, mark, names = line.partition("#? ")
        if not mark:
            found.append(line)
        elif all(_holds(name, conditions) for name in names.split(" and ")):
            found.append(code.rstrip())
    return found


def _holds(name: str, conditions: Mapping[str, bool]) -> bool:
    word = name.strip()
    return not conditions[word[4:]] if word.startswith("not ") else conditions[word]


def fill(lines: Iterable[str], **values: object) -> list[str]:
    """The lines with every `@name@` replaced."""
    return [re.sub(r"@(\w+)@", lambda match: str(values[match[1]]), line) for line in lines]


def identifier(name: str) -> str:
    """A node's name as a variable's: dots and what Python does not allow become underscores."""
    word = re.sub(r"\W", "_", name)
    return f"_{word}" if not word or word[0].isdigit() else word
