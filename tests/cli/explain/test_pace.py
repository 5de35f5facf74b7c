"""Whether the model leaves a processor to what is done beside it."""

import pytest

from onnxplain.cli.explain.pace import _FIRST, _NEXT, _TIMED, Pace


class Machine:
    """A clock by which a picture takes so long, and what was left to other work."""

    def __init__(self, alone, beside):
        self.seconds, self.left, self.now = (alone, beside), [], 0.0

    def explain(self, pace, pictures):
        for _ in range(pictures):
            self.now += self.seconds[bool(self.left and self.left[-1])]
            pace.finish()

    def pace(self):
        return Pace(self.left.append, lambda: self.now)


@pytest.mark.parametrize(
    ("alone", "beside", "left"),
    [
        (0.018, 0.013, [1]),  # quicker with one fewer
        (0.018, 0.019, [1, 0]),  # slower
        (0.3, 0.01, []),  # the model takes most of it: not tried
    ],
)
def test_the_quicker_way_is_kept(alone, beside, left):
    machine = Machine(alone, beside)
    machine.explain(machine.pace(), 200)
    assert machine.left == left


def test_few_pictures_are_left_alone():
    machine = Machine(0.018, 0.013)
    machine.explain(machine.pace(), _FIRST + _TIMED - 1)
    assert machine.left == []


def test_what_prepares_for_others_is_not_timed():
    machine = Machine(0.018, 0.013)
    pace = machine.pace()
    machine.now = 60.0
    machine.explain(pace, _FIRST + _TIMED)
    assert machine.left == [1]
    machine.now += 60.0  # still under way from before
    machine.explain(pace, _NEXT + _TIMED)
    assert machine.left == [1]
