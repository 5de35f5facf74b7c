"""Work that begins before its result is needed."""

import threading

import pytest

from onnxplain.process.background import BESIDE, begin

WAIT = 30


def test_it_begins_at_once_and_its_result_is_waited_for():
    begun, may_end = threading.Event(), threading.Event()

    def work():
        begun.set()
        return may_end.wait(WAIT), threading.current_thread().name

    pending = begin(work)
    assert begun.wait(WAIT)
    may_end.set()
    ended, name = pending.result()
    assert ended
    # An interrupt waits for threads that are called so, and not for what hangs.
    assert name.startswith(BESIDE)


def test_what_it_raises_is_raised_to_whoever_asks():
    pending = begin(lambda: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            pending.result()
