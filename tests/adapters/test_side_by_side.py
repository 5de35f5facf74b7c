"""Pieces of work at a time: results in order, on threads that know what the caller knows."""

import threading
from contextvars import ContextVar

import pytest

from onnxplain.adapters.side_by_side import ONE_BY_ONE, SideBySide

SAID = ContextVar("said", default="nothing")


@pytest.mark.parametrize(
    ("threads", "shared"), [(1, (1, 1)), (2, (2, 1)), (8, (8, 1)), (16, (8, 2)), (20, (8, 2))]
)
def test_threads_are_shared_out(threads, shared):
    side = SideBySide.of(threads)
    assert (side.calls, side.threads) == shared


@pytest.mark.parametrize(("calls", "count", "most", "size"), [
    (2, 16, 4, 4), (2, 6, 4, 3), (2, 3, 1, 1), (2, 5, 8, 3), (2, 9, 4, 3), (2, 196, 16, 14),
    (1, 10, 4, 4), (3, 1, 8, 1), (2, 0, 4, 1),
])  # fmt: skip
def test_all_calls_have_as_much_to_do(calls, count, most, size):
    """Sizes as even as whole pieces for every call allow."""
    assert SideBySide(calls).share(count, most) == size


def test_results_come_in_order_from_calls_that_run_at_the_same_time():
    meet = threading.Barrier(3, timeout=20)

    def work(piece):
        meet.wait()  # passes only if three calls are in here at once
        return piece * 2

    assert SideBySide(3).map(work, [3, 1, 2]) == [6, 2, 4]


def test_the_callers_context_holds_there():
    token = SAID.set("a budget")
    try:
        assert SideBySide(2).map(lambda _: SAID.get(), range(3)) == ["a budget"] * 3
    finally:
        SAID.reset(token)


def test_one_call_at_a_time_needs_no_thread():
    own = threading.get_ident()
    assert ONE_BY_ONE.map(lambda _: threading.get_ident(), range(3)) == [own] * 3
    assert SideBySide(4).map(lambda _: threading.get_ident(), [0]) == [own]


def test_a_failure_is_raised_and_no_thread_is_left():
    before = threading.active_count()

    def work(piece):
        if piece == 1:
            raise ValueError("the second one")
        return piece

    with pytest.raises(ValueError, match="the second one"):
        SideBySide(2).map(work, range(5))
    assert threading.active_count() == before


def test_results_are_handed_over_while_later_pieces_wait():
    """A few pieces are begun before a result is asked for, not all of them."""
    begun = []
    results = SideBySide(2).stream(lambda piece: begun.append(piece) or piece, range(100))
    assert next(results) == 0
    assert len(begun) < 20
    assert list(results) == list(range(1, 100))
    assert sorted(begun) == list(range(100))


def test_who_stops_asking_leaves_no_thread():
    before = threading.active_count()
    results = SideBySide(2).stream(lambda piece: piece, range(100))
    next(results)
    results.close()
    assert threading.active_count() == before
