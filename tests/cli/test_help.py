"""Help answers at once, in every way of calling it."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from onnxplain.cli import main

ROOT = Path(__file__).parents[2]
HEAVY = {"numpy", "scipy", "onnx", "onnxruntime", "torch", "onnx2torch", "PIL", "matplotlib"}
HEAVY |= {"sklearn", "skimage", "jinja2", "jsonschema", "sqlite3", "importlib.metadata"}
COMMANDS = sorted(main.commands)


@pytest.mark.parametrize("command", [["--help"], *([c, "--help"] for c in COMMANDS), ["--version"]])
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\n"
        "from onnxplain.cli import main\n"
        "try:\n"
        f"    main({command!r})\n"
        "finally:\n"
        "    print('LOADED', *sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = found.stdout.partition("LOADED")[2].split()
    assert "click" in loaded
    assert HEAVY.isdisjoint(loaded)


@pytest.mark.parametrize("launcher", [["cli.py"], ["-m", "onnxplain"]])
def test_every_launcher_runs_the_same_program(launcher):
    found = subprocess.run(
        [sys.executable, *launcher, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Explain the predictions of a deployed ONNX image model." in found.stdout
    assert found.stderr == ""


def test_help_lists_commands_and_exit_codes(run):
    found = run("--help")
    assert found.exit_code == 0
    for word in (*COMMANDS, "Exit codes", "130  interrupted", "--debug", "--version"):
        assert word in found.stdout


def commands(group, path=()):
    """Every command that does something, with its name in words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(("path", "command"), list(commands(main)), ids=str)
def test_no_option_hides_another_of_the_same_name(path, command):
    spelled = [flag for p in command.params for flag in (*p.opts, *p.secondary_opts)]
    handed = [p.name for p in command.params]
    assert sorted(set(spelled)) == sorted(spelled)
    assert sorted(set(handed)) == sorted(handed)


def test_no_command_shows_the_help(run):
    found = run()
    assert found.exit_code == 2
    assert "Commands:" in found.stderr


def test_help_of_explain_names_what_is_written(run):
    found = run("explain", "-h")
    for word in ("NAME.METHOD.npz", "NAME.sheet.png", "--target", "top-3", "--contrast"):
        assert word in found.stdout
