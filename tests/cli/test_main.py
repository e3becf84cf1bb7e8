"""The door: help, version, and what is said where a command cannot be meant."""

from __future__ import annotations

import json

from tests.cli.conftest import Command

from ambidex import __version__
from ambidex.cli.main import COMMANDS


def test_version_is_printed(run: Command) -> None:
    outcome = run("--version")
    assert (outcome.status, outcome.out) == (0, f"ambidex {__version__}\n")


def test_help_lists_every_command(run: Command) -> None:
    outcome = run("--help")
    assert outcome.status == 0
    assert all(f"  {name} " in outcome.out for name in COMMANDS)


def test_every_command_explains_itself_with_an_example(run: Command) -> None:
    for name in COMMANDS:
        outcome = run(name, "--help")
        assert outcome.status == 0
        assert f"  ambidex {name}" in outcome.out


def test_no_command_shows_the_overview_and_ends_2(run: Command) -> None:
    outcome = run()
    assert outcome.status == 2
    assert "usage: ambidex COMMAND" in outcome.out


def test_a_misspelt_command_is_met_with_the_nearest(run: Command) -> None:
    outcome = run("trian")
    assert outcome.status == 2
    assert "got 'trian'" in outcome.err
    assert "Did you mean 'train'?" in outcome.err


def test_an_unknown_flag_is_one_line_and_ends_2(run: Command) -> None:
    outcome = run("models", "--bogus")
    assert outcome.status == 2
    assert outcome.err == "ambidex: Unrecognized arguments: --bogus. See ambidex models --help.\n"


def test_errors_are_json_on_standard_output_where_asked(run: Command) -> None:
    outcome = run("predict", "nowhere.ambidex", "rows.csv", "-o", "out.csv", "--json")
    assert outcome.status == 2
    error = json.loads(outcome.out)["error"]
    assert set(error) == {"code", "message", "where"}
    assert "nowhere.ambidex" in error["message"]


def test_models_are_listed_with_when_to_use_them(run: Command) -> None:
    outcome = run("models", "--json")
    listed = {model["name"]: model for model in outcome.json["models"]}
    assert {"mlp", "mlp_plain", "linear", "lstm", "gru"} <= set(listed)
    assert all(model["summary"] for model in listed.values())
