"""The command line inside of this process."""

import pytest
from click.testing import CliRunner

from onnxplain.cli import main

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"


@pytest.fixture
def run():
    """Run a command line; returns click's result with stdout, stderr and exit_code."""

    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments])

    return call


@pytest.fixture
def explain(run, tmp_path):
    """Explain the digit three (or what is given) into ``tmp_path / "out"``."""

    def call(*arguments, model=MODEL, images=(DIGIT,)):
        return run("explain", model, *images, "-o", tmp_path / "out", *arguments)

    call.folder = tmp_path / "out"
    return call
