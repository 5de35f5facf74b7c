"""What a worker notes is there for the next one, whatever ended it."""

import os

import pytest

from onnxplain.errors import NativeFaultError, UnknownNameError
from onnxplain.process import journal
from onnxplain.process.journal import State


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Begin a worker with what is lost; each call begins the next one."""
    monkeypatch.setattr(journal, "_CURRENT", [])

    def begin(lost=()):
        journal.prepare_folder(tmp_path, State(os.getpid(), 1, dict(lost)))
        return journal.begin_worker(tmp_path)

    begin.folder = tmp_path
    return begin


HELD = []


def hold(key):
    """Take something in hand and never let it go."""
    HELD.append(journal.in_hand(key))
    HELD[-1].__enter__()


def test_without_a_worker_nothing_is_noted():
    with journal.in_hand("a"):
        journal.sign_of_life()
    journal.keep("a", 1)
    assert journal.recall("a") is None
    assert not journal.said_before("a")
    assert not journal.said_before("a")
    assert not journal.is_careful()


def test_what_is_in_hand_is_seen_from_outside(worker):
    worker()
    with journal.in_hand("a"), journal.in_hand("the model", of_many=False):
        assert journal.held_in(worker.folder) == (["a"], ["the model"], 0)
    assert journal.held_in(worker.folder) == ([], [], 1)
    with pytest.raises(KeyError), journal.in_hand("a"):
        raise KeyError
    assert journal.held_in(worker.folder).keys == []


def test_the_next_worker_holds_nothing_and_meets_what_is_lost(worker):
    worker()
    hold("a")
    worker({"a": "it crashed"})
    assert journal.held_in(worker.folder) == ([], [], 0)
    with (
        pytest.raises(NativeFaultError, match="lost in native code: it crashed"),
        journal.in_hand("a"),
    ):
        raise AssertionError("nothing is done with it")


def test_a_line_that_was_cut_off_is_no_line(worker):
    worker()
    hold("a")
    with open(worker.folder / "log", "ab") as log:
        log.write(b'{"begin": "b", "of_')
    assert journal.held_in(worker.folder).keys == ["a"]
    worker()
    hold("c")
    assert journal.held_in(worker.folder).keys == ["c"]


def test_lines_and_results_of_earlier_workers_are_known(worker):
    worker()
    assert not journal.said_before("a warning")
    assert not journal.said_before("a warning")  # this worker may say it as often as it likes
    journal.keep("caf\udce9.png", [UnknownNameError("class", "cat", ["car"], "so")])
    worker()
    assert journal.said_before("a warning")
    (error,) = journal.recall("caf\udce9.png")
    assert str(error) == str(UnknownNameError("class", "cat", ["car"], "so"))
    assert error.nearest == ["car"]
    assert journal.recall("other.png") is None


def test_each_sign_of_life_changes_what_is_seen(worker):
    worker()
    seen = {journal.signs_in(worker.folder)}
    for _ in range(300):
        journal.sign_of_life()
        seen.add(journal.signs_in(worker.folder))
    assert len(seen) == 301
