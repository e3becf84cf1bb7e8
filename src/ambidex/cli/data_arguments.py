"""Flags that say what the data is, for every command that trains."""

from __future__ import annotations

import argparse


def names(text: str) -> list[str]:
    """Names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def fraction_or_file(text: str) -> float | str:
    """A number, or the path of a file."""
    try:
        return float(text)
    except ValueError:
        return text


def add_series_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """The flags of series, in a group of their own that is given back for what only one command has."""
    group = parser.add_argument_group("series")
    add = group.add_argument
    add("--time", metavar="COL", help="the column of time stamps")
    add("--horizon", type=int, metavar="N", help="how many steps to forecast")
    add("--window", type=int, metavar="N", help="how many steps of history to read")
    add("--series", type=names, metavar="COL,…", help="the columns that tell several series apart")
    add("--past", type=names, metavar="COL,…", help="numeric covariates known up to now")
    add("--scaling", metavar="KIND", help="auto, none, standardize, log_ratio, difference or instance")
    add("--train-end", metavar="TIME", help="fit on rows up to here")
    add("--validation-end", metavar="TIME", help="validate and choose on rows up to here; later ones are not looked at")
    return group
