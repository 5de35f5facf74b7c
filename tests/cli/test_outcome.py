"""Whatever ends a command becomes one line and an exit code."""

import os
import subprocess
import sys

import click
import pytest

from onnxplain.cli.outcome import code_of, code_of_data, run
from onnxplain.errors import ImageError, InternalError, OnnxplainError, UsageError


def raising(error):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("what is wrong"), 2, "onnxplain: error: what is wrong\n"),
        (ImageError("a\nb"), 4, "onnxplain: error: a b\n"),
        (click.BadParameter("no such"), 2, "onnxplain: error: Invalid value: no such\n"),
        (KeyboardInterrupt(), 130, "onnxplain: interrupted\n"),
    ],
)
def test_errors(capsys, error, code, said):
    assert run(raising(error), debug=False) == code
    assert capsys.readouterr().err == said


def test_a_stop_of_which_a_library_made_an_error_is_a_stop(capsys):
    def call():
        try:
            raise stop
        except BaseException as error:
            raise ImportError("initialization failed") from error

    stop = KeyboardInterrupt()
    assert run(call, debug=False) == 130
    assert capsys.readouterr().err == "onnxplain: interrupted\n"
    stop = SystemExit(143)
    with pytest.raises(SystemExit) as caught:
        run(call, debug=False)
    assert caught.value.code == 143


def test_a_defect_of_ours_says_how_to_see_more(capsys):
    assert run(raising(ZeroDivisionError("x")), debug=False) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert "internal error: ZeroDivisionError: x" in line
    assert line.endswith("run again with --debug for the traceback")
    assert run(raising(ZeroDivisionError("x")), debug=True) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "code"), [(None, 0), (3, 3), ("text", 0)])
def test_the_code_that_a_command_returns(given, code):
    assert run(lambda: given, debug=False) == code


@pytest.mark.parametrize(("codes", "code"), [([], 0), ([4, 3], 4), ([4, 70, 3], 70), ([0, 4], 0)])
def test_of_several_failures_a_defect_of_ours_counts_most(codes, code):
    assert code_of(codes) == code


def test_pictures_that_cannot_be_read_are_no_failure_of_the_whole():
    assert code_of_data(["cannot read image"]) == 0
    assert code_of_data(["cannot read image", str(InternalError.of(ValueError()))]) == 70


def test_every_error_of_ours_is_caught():
    assert run(raising(OnnxplainError("x")), debug=False) == OnnxplainError.exit_code


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_a_stream_is_no_defect_of_ours(stream):
    command = f"{sys.executable} -m onnxplain methods {'' if stream == '1' else 'none'}"
    found = subprocess.run(
        f"{command} {stream}>/dev/full", shell=True, capture_output=True, text=True, timeout=100
    )
    assert found.returncode == (7 if stream == "1" else 2)
    assert "Traceback" not in found.stderr
    assert found.stderr.count("\n") == (1 if stream == "1" else 0)
