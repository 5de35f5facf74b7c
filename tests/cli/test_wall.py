"""When a command is begun again, and when not."""

import pytest

from onnxplain.cli import wall
from onnxplain.cli.worker import Ended
from onnxplain.errors import NativeFaultError
from onnxplain.process.journal import Journal


class Made:
    """Stands for a worker: notes what it is told to, and ends as it is told to."""

    script = ()
    began = 0

    def __init__(self, words, folder, limits):
        self._journal = Journal(folder)
        type(self).seen.append(self._journal.state)

    def end(self):
        begun, ended = self.script[type(self).began]
        type(self).began += 1
        for key, of_many in begun:
            if key not in self._journal.state.lost:
                self._journal.note(begin=key, of_many=of_many)
                if key.startswith("good"):
                    self._journal.note(end=key, of_many=of_many, whole=True)
        return ended


CRASH = Ended(-11, "native code ended the process (SIGSEGV)")


@pytest.fixture
def script(monkeypatch):
    """Workers that do what is written, one line for each."""

    def write(*lines):
        Made.script, Made.began, Made.seen = lines, 0, []
        monkeypatch.setattr(wall, "Worker", Made)
        return Made

    return write


def test_a_picture_that_ended_one_is_lost_for_the_next(script):
    made = script(
        ([("good", True), ("bad", True)], CRASH),
        ([("good", True), ("bad", True)], Ended(8)),
    )
    assert wall.watched([]) == 8
    assert [set(state.lost) for state in made.seen] == [set(), {"bad"}]
    assert "SIGSEGV" in made.seen[1].lost["bad"]


def test_of_several_none_is_blamed_and_the_next_takes_one_at_a_time(script):
    made = script(([("one", True), ("two", True)], CRASH), ([("two", True)], CRASH), ([], Ended(0)))
    assert wall.watched([]) == 0
    assert [state.careful for state in made.seen] == [False, True, True]
    assert [set(state.lost) for state in made.seen] == [set(), set(), {"two"}]


def test_what_is_opened_is_not_blamed_while_a_picture_is_read(script):
    both = [("opening m.onnx", False), ("bad", True)]
    made = script((both, CRASH), ([("bad", True)], CRASH), ([], Ended(8)))
    assert wall.watched([]) == 8
    assert set(made.seen[2].lost) == {"bad"}
    script((both, CRASH), (both, CRASH))
    with pytest.raises(NativeFaultError, match=r"opening m\.onnx: native code ended"):
        wall.watched([])


def test_what_cannot_be_left_out_ends_the_command(script):
    script(([("opening m.onnx", False)], CRASH))
    with pytest.raises(NativeFaultError, match=r"opening m\.onnx: native code ended"):
        wall.watched([])
    script(([("good", True)], CRASH), ([("good", True)], CRASH))
    with pytest.raises(NativeFaultError, match="with no picture in hand"):
        wall.watched([])


def test_if_every_picture_ends_it_the_model_is_to_blame(script):
    made = script(*(([(f"bad{k}", True)], CRASH) for k in range(20)))
    with pytest.raises(NativeFaultError, match=r"10 times in a row.*the model is the cause"):
        wall.watched([])
    assert made.began == 10


def test_the_limit_of_memory_is_the_machines_at_most(monkeypatch):
    monkeypatch.setattr("onnxplain.machine.memory", lambda: 1000)
    assert wall._limits().memory == 900
    monkeypatch.setattr("onnxplain.machine.memory", lambda: None)
    assert wall._limits().memory == 16 << 30
