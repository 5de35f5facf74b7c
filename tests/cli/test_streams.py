"""Closed, full and hung-up streams; what libraries print; whose the streams are."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DIGIT, MODEL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="streams and signals of Linux")

ROOT = Path(__file__).parents[2]
PROGRAM = f"{sys.executable} -m onnxplain"
# Prints as a library does from C, as one does from Python, and then does what a command does.
NOISY = r"""
import ctypes, logging, os, sys
from onnxplain.cli import main
def noisy(**options):
    ctypes.CDLL(None).puts(b"TIFFReadDirectory: Warning")
    ctypes.CDLL(None).fflush(None)
    os.write(2, b"onnxruntime warning\n")
    logging.getLogger("onnx_ir").warning("a remark")
    print("result")
    print("said", file=sys.stderr)
main.commands["methods"].callback = noisy
main()
"""
WAITS = """
import sys, time
from onnxplain.cli import main
def waits(**options):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.5)
        print("unwound", flush=True)
main.commands["methods"].callback = waits
main()
"""


def shell(text):
    return subprocess.run(
        ["bash", "-c", text], cwd=ROOT, capture_output=True, text=True, check=False, timeout=200
    )


def run_code(code, *words):
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def waiting(code=WAITS, **options):
    words = [sys.executable, "-c", code, "methods"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_closed_standard_output_is_no_output():
    found = shell(f"{PROGRAM} methods >&-")
    assert found.returncode == 0
    assert found.stderr == ""


def test_a_full_standard_output_is_7_and_one_line():
    found = shell(f"{PROGRAM} methods > /dev/full")
    assert found.returncode == 7
    assert found.stderr == (
        "onnxplain: error: cannot write standard output: No space left on device\n"
    )


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_be_told_is_the_exit_code(where):
    found = shell(f"{PROGRAM} explain none.onnx {DIGIT} {where}")
    assert found.returncode == 3
    assert found.stdout == ""


def test_no_file_of_results_takes_the_place_of_a_closed_stream(tmp_path):
    """Else a library's warning would stand in the middle of it."""
    words = f"{PROGRAM} explain {MODEL} {DIGIT} -m cam -o {tmp_path}"
    found = shell(f"{words}/closed <&- >&- 2>&-")
    assert found.returncode == 0
    shell(f"{words}/open")
    names = {p.name for p in (tmp_path / "open").iterdir()}
    assert {p.name for p in (tmp_path / "closed").iterdir()} == names
    both = [(tmp_path / k / "3-10.cam.png").read_bytes() for k in ("open", "closed")]
    assert both[0] == both[1]


def test_what_libraries_print_is_neither_result_nor_error():
    found = run_code(NOISY, "methods")
    assert (found.returncode, found.stdout, found.stderr) == (0, "result\n", "said\n")


def test_debug_lets_them_print():
    found = run_code(NOISY, "--debug", "methods")
    assert "TIFFReadDirectory" in found.stdout
    assert "onnxruntime warning" in found.stderr
    assert "a remark" in found.stderr


def test_a_reader_that_goes_away_is_quiet():
    found = shell(f"{PROGRAM} methods | head -1; exit ${{PIPESTATUS[0]}}")
    assert found.returncode in (0, 1)  # it may be done before the reader is gone
    assert found.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_the_end_of_the_terminal_unwinds_as_a_request_to_stop_does(number):
    # The tests themselves may run under nohup.
    with waiting(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) as process:
        process.send_signal(number)
        os.kill(process.pid, signal.SIGHUP)  # the second does not break off the unwinding
        said, _ = process.communicate(timeout=60)
    assert process.returncode in (128 + number, 129)  # whichever came first
    assert said == "unwound\n"


def test_a_request_that_another_thread_takes_unwinds_as_well():
    """As one does that comes between Python's look for signals and the call that waits."""
    asleep = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n        print"
    code = WAITS.replace("import sys", "import signal, sys").replace("print", asleep, 1)
    with waiting(code) as process:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "unwound\n")


def test_what_nohup_ignores_stays_ignored():
    with waiting(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
