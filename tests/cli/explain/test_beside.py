"""Reading ahead and writing behind: in order, bounded, and whatever one of many raises."""

import os
import sys
import threading
import time
from functools import partial

import pytest

from onnxplain import machine
from onnxplain.cli import outcome
from onnxplain.cli.explain.beside import Beside

WAIT = 30


def test_sources_come_in_order_with_their_errors():
    def read(source):
        time.sleep(0.01 * (source % 3))
        return 1 / source

    with Beside(2) as beside:
        found = [(s, f.exception() or f.result()) for s, f in beside.ahead(read, range(5))]
    assert isinstance(found[0][1], ZeroDivisionError)
    assert found[1:] == [(s, 1 / s) for s in range(1, 5)]


def test_some_sources_are_read_ahead_and_not_all():
    read = []
    with Beside(1) as beside:
        sources = beside.ahead(read.append, range(100))
        next(sources)
        deadline = time.monotonic() + WAIT
        while len(read) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert read == [0, 1, 2]


def test_writing_goes_on_beside_and_ends_with_the_context():
    begun, may_end, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        assert may_end.wait(WAIT)
        done.append(threading.current_thread().name)

    with Beside(2) as beside:
        beside.write(work)
        assert begun.wait(WAIT)
        assert done == []
        may_end.set()
    assert done[0].startswith("beside-writing")


def test_an_interrupt_keeps_what_was_begun():
    done = []

    def work(k):
        time.sleep(0.05)
        done.append(k)

    def interrupted():
        with Beside(1) as beside:
            for k in range(3):
                beside.write(partial(work, k))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == [0, 1, 2]


def test_an_interrupt_while_work_is_handed_over_does_not_wait_for_what_hangs(monkeypatch):
    asked, ended, begun, let_go = KeyboardInterrupt(), [], threading.Event(), threading.Event()

    def hang():
        begun.set()
        let_go.wait(60)

    def end(reason):
        ended.append(reason)
        let_go.set()  # the process would be gone

    def interrupted():
        with Beside(1) as beside:
            submit = beside._writers.submit

            def handed_over(work):
                submit(work)
                begun.wait(60)
                raise asked

            beside._writers.submit = handed_over
            beside.write(hang)

    monkeypatch.setattr(outcome, "_end_at_once", end)
    monkeypatch.setattr(outcome, "_PATIENCE", 0.2)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended == [asked]


def test_results_do_not_pile_up():
    ended, most = [], 0
    with Beside(2) as beside:
        for k in range(20):
            beside.write(lambda: ended.append(time.sleep(0.01)))
            most = max(most, k + 1 - len(ended))
    assert len(ended) == 20
    assert most <= 6


def test_an_error_of_one_result_is_its_own():
    with Beside(1) as beside:
        futures = [beside.write(partial(divmod, 1, k)) for k in (1, 0, 1)]
    assert isinstance(futures[1].exception(), ZeroDivisionError)
    assert [futures[k].result() for k in (0, 2)] == [(1, 0), (1, 0)]


def test_there_is_a_core():
    assert machine.cores() >= 1


@pytest.mark.parametrize("workers", [1, 2])
def test_work_that_follows_takes_no_thread_while_it_waits(workers):
    may_end, done = threading.Event(), []
    with Beside(workers) as beside:
        held = [beside.write(partial(may_end.wait, WAIT)) for _ in range(workers - 1)]
        slow = beside.write(lambda: may_end.wait(WAIT) and done.append("first"))
        last = beside.follow([*held, slow], lambda: done.append(threading.current_thread().name))
        assert not last.done()
        may_end.set()
        last.result(WAIT)
    assert done[0] == "first"
    assert done[1].startswith("beside-writing")


def test_of_two_threads_both_write_while_work_waits_for_one():
    begun, may_end = threading.Event(), threading.Event()
    with Beside(2) as beside:
        slow = beside.write(partial(may_end.wait, WAIT))
        last = beside.follow([slow], may_end.is_set)
        beside.write(begun.set)
        assert begun.wait(WAIT)
        may_end.set()
        assert last.result(WAIT)


def test_work_follows_what_has_ended_and_what_failed():
    names, fail = [], partial(divmod, 1, 0)
    with Beside(1) as beside:
        ended = beside.write(partial(divmod, 1, 1))
        ended.result(WAIT)
        for before in ([], [ended], [ended, beside.write(fail)]):
            beside.follow(before, lambda: names.append(threading.current_thread().name))
        wrong = beside.follow([ended], fail)
    assert len(names) == 3
    assert all(name.startswith("beside-writing") for name in names)
    assert isinstance(wrong.exception(), ZeroDivisionError)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the whole process would give way")
def test_threads_beside_the_model_give_way_to_it():
    def mine(*_):
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = mine()
    with Beside(1) as beside:
        ((_, reading),) = beside.ahead(mine, ["one"])
        writing = beside.write(mine)
    assert reading.result() == writing.result() == max(before, 5)
    assert mine() == before
