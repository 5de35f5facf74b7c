"""Commands that are imported when they are asked for."""

import subprocess
import sys

import click
import pytest

from onnxplain.cli import main
from onnxplain.cli.commands import Commands


def test_each_command_of_the_program_has_its_name():
    assert len(main.commands) == len(list(main.commands)) == 13
    for name, command in main.commands.items():
        assert isinstance(command, click.Command)
        assert command.name == name


def test_only_the_command_that_is_asked_for_is_imported():
    script = """
import sys
from onnxplain.cli import main
try:
    main(["methods", "cam"])
except SystemExit:
    pass
names = ("audit", "choose", "compare", "explain.command", "features.command", "verify")
print([n for n in names if f"onnxplain.cli.{n}" in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("cam")


def test_a_name_that_is_none_is_unknown_and_one_may_be_added():
    commands = Commands({"methods": "methods"})
    assert "audit" not in commands
    with pytest.raises(KeyError):
        commands["audit"]
    commands["other"] = main.commands["verify"]
    assert list(commands) == ["methods", "other"]
    del commands["other"]
    assert list(commands) == ["methods"]
