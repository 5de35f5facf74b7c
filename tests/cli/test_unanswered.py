"""Who asks a program to stop that hangs in native code does not wait for ever."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onnxplain.cli.unanswered import answer, watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals of Linux")

ROOT = Path(__file__).parents[2]
BEGIN = r"""
import ctypes, sys
from onnxplain.cli import main, outcome
outcome._PATIENCE = 0.5
def work(**options):
    {work}
main.commands["methods"].callback = work
main(["methods"])
"""
# It locks a lock twice: no signal breaks that off, and Python's own lock is free meanwhile.
HANGS = """
    lock = ctypes.create_string_buffer(64)
    ctypes.CDLL(None).pthread_mutex_lock(lock)
    print("in hand", flush=True)
    ctypes.CDLL(None).pthread_mutex_lock(lock)
"""
UNWINDS = """
    import time
    try:
        print("in hand", flush=True)
        time.sleep(600)
    finally:
        time.sleep(2)
        print("unwound", flush=True)
"""


def is_at_it(pid):
    """Whether the main thread waits, or has other threads at work beside it."""
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "S" or len(os.listdir(f"/proc/{pid}/task")) > 2


def stopped(work, number):
    """Begin some work, ask it to stop, and return how it ended and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN.replace("    {work}", work)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # The tests themselves may run under nohup, or in the background of a shell.
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (1, 2)],
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "in hand\n"
        while not is_at_it(process.pid):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


ALL = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@ALL
def test_a_hang_in_native_code_is_ended(number):
    code, out, err = stopped(HANGS, number)
    assert (code, out) == (128 + number, "")
    assert err == "onnxplain: stopped inside native code, which did not return\n"


@ALL
def test_work_that_unwinds_for_longer_is_let_alone(number):
    code, out, err = stopped(UNWINDS, number)
    assert (code, out) == (128 + number, "unwound\n")
    assert err.strip() == ("onnxplain: interrupted" if number == signal.SIGINT else "")


RUNS = """
    import numpy as np, onnx, onnxruntime
    from onnx import parser
    from onnxplain.adapters.ort_deadline import run_in_time
    model = parser.parse_model('''<ir_version: 8, opset_import: ["" : 17]>
        g (float[1] x) => (float[1] y) {
            n = Constant<value = int64 {1000000000000}>()  t = Constant<value = bool {1}>()
            y = Loop(n, t, x)<body = b (int64 i, bool c, float[1] v) => (bool d, float[1] w)
                {d = Identity(c)  w = Relu(v)}>
        }''')
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feeds = {"x": np.zeros(1, np.float32)}
    outcome._PATIENCE = 600
    try:
        print("in hand", flush=True)
        run_in_time(lambda o: session.run(None, feeds, o), onnxruntime.RunOptions())
    finally:
        print("unwound", flush=True)
"""


@ALL
def test_onnx_runtime_is_asked_to_end_and_the_work_unwinds(number):
    """No patience is needed: the call ends between two rounds, and is no failure of the model."""
    code, out, err = stopped(RUNS, number)
    assert (code, out) == (128 + number, "unwound\n")
    assert err.strip() == ("onnxplain: interrupted" if number == signal.SIGINT else "")


def test_other_signals_and_answered_ones_end_nothing():
    ended = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with watched([signal.SIGUSR2], 0.1, ended.append):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.3)
        with watched([signal.SIGUSR1], 0.5, ended.append):
            os.kill(os.getpid(), signal.SIGUSR1)
            answer()
            time.sleep(0.8)
        assert ended == []
        with watched([signal.SIGUSR1], 0.1, ended.append):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.5)
        assert ended == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert signal.set_wakeup_fd(-1) == -1
