"""Which backend to train in and which format to leave in, for your data, hardware, destination and team.

Every line names its evidence: a fact measured by `ambidex compare` (--report), or a dated one. The command at its end
has what --data and a report of the same data tell. Without flags, on a terminal, it asks.

Examples:
  ambidex advise --run-on browser --team keras
  ambidex advise --data adult.csv.gz --hardware cpu --run-on server --report report/report.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambidex.cli.output import add_output_arguments, print_json

if TYPE_CHECKING:
    from ambidex.compare.advise import Advice, Case


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `advise`."""
    parser.add_argument("--data", metavar="FILE", help="the data: CSV, Parquet, Arrow or JSON lines, also .gz")
    parser.add_argument("--time", metavar="COL", help="the data's column of time stamps, if its rows are steps in time")
    parser.add_argument("--hardware", metavar="KIND", help="what trains: cpu, gpu or mac")
    parser.add_argument("--run-on", metavar="PLACE", help="where it runs: server, browser, android, ios, intel, c++, …")
    parser.add_argument("--team", metavar="NAME", help="what the team knows: torch, keras or none")
    parser.add_argument("--report", nargs="+", default=[], metavar="REPORT.json", help="reports of `ambidex compare`")
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from ambidex.compare.advise import advise
    from ambidex.compare.comparison import read_report

    comparisons = [comparison for path in args.report for comparison in read_report(Path(path))]
    advice = advise(_case(args), comparisons)
    if args.json:
        print_json(msgspec.to_builtins(advice))
        return 0
    _print(advice)
    return 0


def _case(args: argparse.Namespace) -> Case:
    from ambidex.compare.advise import HARDWARE, PLACES, TEAMS, Case

    given = (args.data, args.hardware, args.run_on, args.team, *args.report)
    is_asking = not any(given) and not args.json and _is_terminal()
    data = _asked_data(args.time) if is_asking else _data(args.data or "", args.time)
    answers = {
        name: _chosen(name, getattr(args, name), choices, is_asking=is_asking)
        for name, choices in (("hardware", HARDWARE), ("run_on", dict.fromkeys(PLACES, "")), ("team", TEAMS))
    }
    settled: dict[str, Any] = {name: value for name, value in answers.items() if value}
    return Case(**settled, **data, time=args.time or "")


def _asked_data(time: str | None) -> dict[str, Any]:
    from ambidex.errors import InputFileError

    while True:
        try:
            return _data(_line("--data: a file of it (Enter: none)? "), time)
        except InputFileError as error:
            print(error.message)


def _data(path: str, time: str | None) -> dict[str, Any]:
    """What a case says of a file of data. Raises `UsageError` where it lacks the column of time stamps."""
    from ambidex.data.fingerprint import table_fingerprint
    from ambidex.data.read import read_table
    from ambidex.data.table import known_columns
    from ambidex.errors import UsageError, expected

    if not path:
        return {}
    table = read_table(path)
    if time and time not in table.names:
        what = f"a column of {Path(path).name}"
        raise UsageError(expected(what, got=repr(time), where="--time", fix=known_columns(table, time)), where="--time")
    file = "" if path == "-" else path
    return {"file": file, "rows": table.num_rows, "fingerprint": table_fingerprint(table)}


def _chosen(name: str, value: str | None, choices: dict[str, str], *, is_asking: bool) -> str:
    """A flag's value once it is one of the choices, or the answer to a question; empty where nothing is known."""
    from ambidex.errors import UsageError

    flag = f"--{name.replace('_', '-')}"
    while is_asking:
        try:
            return _checked(flag, _answer(flag, choices), choices)
        except UsageError as error:
            print(error.message)
    return _checked(flag, value, choices)


def _checked(flag: str, value: str | None, choices: dict[str, str]) -> str:
    from ambidex.errors import UsageError, expected, one_of

    if value and value not in choices:
        raise UsageError(expected(one_of(choices, value), got=repr(value), where=flag), where=flag)
    return value or ""


def _answer(flag: str, choices: dict[str, str]) -> str:
    return _line(f"{flag}: {', '.join(choices)} (Enter: no answer)? ")


def _line(question: str) -> str:
    """What is typed; the end of input is no answer."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""


def _is_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty()


def _print(advice: Advice) -> None:
    print(f"backend  {advice.backend}\ntarget   {advice.target}\ncommand  {advice.command}\n")
    for reason in advice.reasons:
        print(f"- {reason.text}\n  evidence: {reason.evidence}")
    for caveat in advice.caveats:
        print(f"! {caveat.text}\n  evidence: {caveat.evidence}")
