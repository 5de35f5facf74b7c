"""An option that a command does not have: the line says what to write."""

import click
import pytest

from onnxplain.cli import main
from onnxplain.cli.unknown_option import _MEANT
from tests.cli.conftest import DIGIT, MODEL
from tests.cli.test_help import commands


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", MODEL, DIGIT, "--output-dir", "x"), "Did you mean -o?"),
        (("explain", MODEL, DIGIT, "--class", "3"), "Did you mean -t?"),
        (("explain", MODEL, DIGIT, "--top-k", "5"), "Did you mean -t top-5?"),
        (("explain", MODEL, DIGIT, "--gpu"), "Did you mean --device cuda?"),
        (("explain", MODEL, DIGIT, "--layers"), "'--layer'"),
        (("explain", MODEL, DIGIT, "--window", "4"), "write -p window=VALUE"),
        (("explain", MODEL, "--image", DIGIT), "explain [OPTIONS] MODEL IMAGE...`"),
        (("evaluate", MODEL, "--data", "x"), "needs no option"),
        (("evaluate", MODEL, "x", "--layer", "c"), "write -p layer=VALUE"),
        (("audit", MODEL, "x", "--measures", "deletion"), "Did you mean --metrics?"),
        (("verify", "record.json", "-m", "lrp"), "It is an option of: audit, choose"),
        (("report", "x", "--limit", "3"), "It is an option of: "),
        (("-q", "methods"), "COMMAND ... -q`"),
        (("features", "--layer", "c", "weights", MODEL), "features COMMAND ... --layer`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_the_line_says_what_to_write(run, words, said):
    found = run(*words)
    assert found.exit_code == 2
    assert "No such option" in found.stderr
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_an_option_that_nobody_has_is_refused_without_advice(run):
    found = run("methods", "--frobnicate")
    assert found.stderr.startswith("onnxplain: error: No such option '--frobnicate'. See `")


def test_advice_names_options_that_exist():
    flags = {flag for _, command in commands(main) for p in command.params for flag in p.opts}
    assert {meant.partition(" ")[0] for meant in _MEANT.values()} <= flags


def test_one_thing_has_one_name_in_all_commands():
    """The short form goes with the long one, and each option says what it does."""
    short = {
        "--method": "-m",
        "--out": "-o",
        "--parameter": "-p",
        "--target": "-t",
        "--quiet": "-q",
    }
    for path, command in commands(main):
        for option in (p for p in command.params if isinstance(p, click.Option)):
            for long, letter in short.items():
                assert (long in option.opts) == (letter in option.opts), (path, option.opts)
            assert option.help, (path, option.opts)


def test_data_sets_are_questioned_by_the_same_options():
    for name in ("evaluate", "choose", "audit"):
        own = {flag for p in main.commands[name].params for flag in p.opts}
        assert {"-m", "-p", "-t", "-o", "--metrics", "--masks", "--limit", "--seed"} <= own, name
