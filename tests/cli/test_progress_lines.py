"""Lines of progress: when one is due, and the time left in it."""

import itertools
import threading

from onnxplain.cli.progress_lines import Lines


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def watched(jobs):
    clock, said = Clock(), []
    return Lines(jobs, clock, said.append), clock, said


def test_the_time_left_is_that_of_the_part_that_is_not_done():
    lines, clock, said = watched(8)
    lines.update(name="cat.png: lrp", done=2)
    clock.now = 30.0
    lines.look()
    assert said == ["25 % in 0:30, about 1:30 left: cat.png: lrp"]


def test_before_anything_is_done_nothing_is_guessed():
    lines, clock, said = watched(8)
    clock.now = 4000.0
    lines.look()
    assert said == ["0 % in 1:06:40"]


def test_a_line_comes_at_each_tenth_and_after_ten_seconds_without_one():
    lines, clock, said = watched(100)
    times = []
    for second in range(101):
        clock.now = second
        before = len(said)
        # Slow at first: half of the time goes to the first tenth.
        lines.update(done=second / 5 if second < 50 else 10 + (second - 50) * 1.8)
        times += [second] * (len(said) - before)
    assert times[:4] == [10, 20, 30, 40]
    assert all(t - s <= 10 for s, t in itertools.pairwise(times))
    assert {int(text.split()[0]) // 10 for text in said} == set(range(10))


def test_a_run_of_hours_says_no_line_each_ten_seconds():
    lines, clock, said = watched(10)
    for second in range(36_000):
        clock.now = second
        lines.update(done=0.5)
    assert 60 < len(said) < 200


def test_the_end_says_nothing_unless_something_follows_for_long():
    lines, clock, said = watched(2)
    clock.now = 60.0
    lines.update(done=2)
    assert said == []
    lines.update(name="checking the methods")
    clock.now = 70.0
    lines.look()
    assert said == ["100 % in 1:10, about 0:00 left: checking the methods"]


def test_a_line_comes_while_no_step_does():
    came = threading.Event()
    clock = Clock()
    with Lines(2, clock, lambda text: came.set()) as lines:
        clock.now = 20.0
        assert came.wait(30)
    came.clear()
    clock.now = 60.0
    lines.look()
    assert not came.is_set()


def test_a_closed_stream_does_not_end_the_work():
    def broken(text):
        raise BrokenPipeError

    clock = Clock()
    lines = Lines(2, clock, broken)
    clock.now = 60.0
    lines.update(done=1)
