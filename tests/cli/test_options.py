"""Options that several commands share: what they take, and what they refuse in one line."""

import click
import pytest
from click.testing import CliRunner

from onnxplain.cli.options import model_options


def given(*arguments):
    @click.command()
    @model_options
    def command(**options):
        click.echo(repr({k: v for k, v in options.items() if v not in (None, {})}))

    return CliRunner().invoke(command, arguments)


def test_nothing_is_asked_by_default():
    assert given().stdout.strip() == "{'device': 'auto'}"


def test_sizes_and_values_of_inputs_are_read():
    found = given("--size", "224x96", "--bind", "a=1", "--bind", "b=x=y.npy").stdout
    assert "'size': (224, 96)" in found
    assert "'bound': {'a': '1', 'b': 'x=y.npy'}" in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--size", "224"), "write HEIGHTxWIDTH"),
        (("--size", "0x5"), "write HEIGHTxWIDTH"),
        (("--bind", "a"), "write NAME=FILE.npy or a number"),
        (("--bind", "a=1", "--bind", "a=2"), "input 'a' is bound twice"),
        (("--scores", "odds"), "is not one of"),
    ],
)
def test_what_is_not_understood(arguments, said):
    found = given(*arguments)
    assert found.exit_code == 2
    assert said in found.stderr
