"""Each command of the program keeps its streams, whatever it does and whoever goes away."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from onnxplain.cli import main

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="streams and signals of Linux"),
    pytest.mark.slow,
]

FULL = "onnxplain: error: cannot write standard output: No space left on device\n"
ROOT = Path(__file__).parents[2]
# The command named, with all that the program puts around it, does this instead of its work.
STANDS_IN = r"""
import ctypes, os, sys, time
from onnxplain.cli import main
def work(**options):
    ctypes.CDLL(None).puts(b"TIFFReadDirectory: Warning")
    ctypes.CDLL(None).fflush(None)
    os.write(2, b"onnxruntime warning\n")
    try:
        print("said", file=sys.stderr, flush=True)
        print("result", flush=True)
        time.sleep(float(os.environ["WAITS"]))
    finally:
        print("unwound", flush=True)
command = main
for name in sys.argv[1:]:
    command = command.commands[name]
command.callback = work
for parameter in command.params:
    parameter.required = False
isolated = [] if "isolate" not in [p.name for p in command.params] else ["--no-isolate"]
main([*sys.argv[1:], *isolated])
"""


def commands(group=main, before=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


ALL = pytest.mark.parametrize("words", list(commands()), ids=" ".join)


def begin(words, waits=0, **streams):
    return subprocess.Popen(
        [sys.executable, "-c", STANDS_IN, *words],
        env={**os.environ, "WAITS": str(waits)}, cwd=ROOT, text=True,
        # The tests themselves may run under nohup.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL), **streams,
    )  # fmt: skip


@ALL
def test_what_libraries_print_is_neither_result_nor_error(words):
    with begin(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        said = process.communicate(timeout=100)
    assert (process.returncode, *said) == (0, "result\nunwound\n", "said\n")


@ALL
@pytest.mark.parametrize(("stream", "code"), [("stdout", 7), ("stderr", 7)])
def test_a_full_stream_is_7_and_one_line_at_most(words, stream, code):
    other = "stderr" if stream == "stdout" else "stdout"
    with (
        open("/dev/full", "w") as full,
        begin(words, **{stream: full, other: subprocess.PIPE}) as process,
    ):
        said = "".join(filter(None, process.communicate(timeout=100)))
    assert process.returncode == code
    assert "Traceback" not in said
    if stream == "stdout":
        assert said == f"said\n{FULL}"


@ALL
def test_a_reader_that_went_away_is_quiet(words):
    reading, writing = os.pipe()
    os.close(reading)
    with begin(words, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 1
    assert said == "said\n"


@ALL
def test_closed_streams_are_no_failure(words):
    process = subprocess.run(
        ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", STANDS_IN, *words],
        env={**os.environ, "WAITS": "0"}, cwd=ROOT, timeout=100, check=False,
    )  # fmt: skip
    assert process.returncode == 0


@ALL
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_stop_unwinds(words, number):
    with begin(words, 60, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "result\n"
        process.send_signal(number)
        said, _ = process.communicate(timeout=50)
    assert process.returncode == 128 + number
    assert said == "unwound\n"
