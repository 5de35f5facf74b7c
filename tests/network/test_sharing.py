"""Runs side by side: equal questions are asked once, and each run gets its own answer."""

import contextvars
import threading

import numpy as np
import pytest

from onnxplain.adapters.base import PullBack, Signal
from onnxplain.adapters.changes import WindowChanges, WindowRun
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.network.sharing import run_shared
from onnxplain.relevance.growth import Growth

X = np.arange(6.0).reshape(1, 6)
WINDOWS = np.array([[0, 1, 0, 1], [1, 2, 0, 2]])


class Engine:
    """Counts what it is asked; an answer tells its seeds apart."""

    device = "here"

    def __init__(self):
        self.asked = []

    def activations(self, x, names):
        self.asked.append(("activations", len(x)))
        return {n: x + k for k, n in enumerate(names)}

    def pull_back(self, x, seeds, names, *, rectify=None):
        self.asked.append(("pull_back", len(seeds)))
        gradients = tuple({"g": s.values * 10} for s in seeds)
        return PullBack({"v": x}, gradients, tuple(Growth() for _ in seeds))

    def relevance(self, x, seeds, names):
        self.asked.append(("relevance", len(seeds)))
        return [float(s.values.sum()) for s in seeds]

    def windowed(self, base, changes, names):
        self.asked.append(("windowed", len(changes)))
        blocks = ((np.array([k]), {"y": changes.content(k)}) for k in range(len(changes)))
        return WindowRun({"name": "e"}, blocks)

    def failing(self, x):
        self.asked.append(("failing", len(x)))
        raise MethodRefusedError("not here")


def seed(value, tensor="y"):
    return Signal(tensor, np.full(2, float(value)))


def shared(engine, *asks):
    return run_shared([lambda share, ask=ask: ask(share(engine)) for ask in asks])


def test_equal_questions_are_one_question():
    engine = Engine()
    found = shared(engine, *[lambda e: e.activations(X.copy(), names=["a", "b"])] * 3)
    assert engine.asked == [("activations", 1)]
    for one in found:
        np.testing.assert_array_equal(one["b"], X + 1)


@pytest.mark.parametrize(
    "other",
    [
        lambda e: e.activations(X + 1, ["a"]),
        lambda e: e.activations(X.astype(np.float32), ["a"]),
        lambda e: e.activations(X, ["b"]),
    ],
)
def test_other_questions_are_answered_apart(other):
    engine = Engine()
    shared(engine, lambda e: e.activations(X, ["a"]), other)
    assert engine.asked == [("activations", 1)] * 2
    shared(Engine(), lambda e: e.device, other)


def test_questions_of_different_engines_are_apart():
    one, other = Engine(), Engine()
    run_shared([lambda s, e=e: s(e).activations(X, ["a"]) for e in (one, other)])
    assert one.asked == other.asked == [("activations", 1)]


def test_runs_wait_for_each_other_at_every_step():
    engine = Engine()

    def several(e):
        first = e.activations(X, ["a"])["a"]
        return e.activations(first + 1, ["a"])["a"]

    found = shared(engine, several, several)
    assert engine.asked == [("activations", 1)] * 2
    np.testing.assert_array_equal(found[1], X + 1)


def test_a_run_that_ends_early_leaves_the_others():
    engine = Engine()
    found = shared(
        engine, lambda e: "done", lambda e: e.activations(X, ["a"])["a"], lambda e: e.device
    )
    assert (found[0], found[2]) == ("done", "here")
    np.testing.assert_array_equal(found[1], X)


def test_one_forward_pass_serves_all_seeds():
    """Each run gets what its own seeds, one or two, gave."""
    engine = Engine()
    found = shared(
        engine,
        lambda e: e.pull_back(X, [seed(1)], ["g"]),
        lambda e: e.pull_back(X, seeds=[seed(2), seed(3)], names=["g"]),
        lambda e: e.pull_back(X, [seed(4)], ["g"], rectify=None),
    )
    assert engine.asked == [("pull_back", 4)]
    values = [[int(g["g"][0]) for g in one.gradients] for one in found]
    assert values == [[10], [20, 30], [40]]
    assert [len(one.growth) for one in found] == [1, 2, 1]
    assert shared(engine, *[lambda e, k=k: e.relevance(X, [seed(k)], []) for k in (5, 6)]) == [
        [10.0], [12.0]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        lambda e: e.pull_back(X, [seed(2, "z")], ["g"]),
        lambda e: e.pull_back(X, [seed(2)], ["g"], rectify="guided"),
    ],
)
def test_seeds_at_other_tensors_or_in_other_ways_are_apart(other):
    engine = Engine()
    found = shared(engine, lambda e: e.pull_back(X, [seed(1)], ["g"]), other)
    assert engine.asked == [("pull_back", 1)] * 2
    assert [int(one.gradients[0]["g"][0]) for one in found] == [10, 20]


def test_blocks_of_windows_are_read_by_every_run():
    engine = Engine()

    def windows(e):
        run = e.windowed(X, WindowChanges(WINDOWS, lambda k: np.full(2, k)), ["y"])
        return [(i.tolist(), v["y"].tolist()) for i, v in run.blocks]

    found = shared(engine, windows, windows)
    assert found == [[([0], [0, 0]), ([1], [1, 1])]] * 2
    assert engine.asked == [("windowed", 2)]


def test_windows_of_other_content_are_apart():
    engine = Engine()

    def ask(e, k):
        changes = WindowChanges(WINDOWS, lambda _: np.full(2, k))
        return next(e.windowed(X, changes, []).blocks)[1]["y"].tolist()

    assert shared(engine, lambda e: ask(e, 1), lambda e: ask(e, 2)) == [[1, 1], [2, 2]]
    assert len(engine.asked) == 2


def test_an_error_of_a_question_reaches_all_who_asked_it():
    engine = Engine()

    def caught(e):
        try:
            e.failing(X)
        except MethodRefusedError as error:
            return str(error)

    found = shared(engine, caught, lambda e: e.failing(X), lambda e: e.device)
    assert engine.asked == [("failing", 1)]
    assert found[0] == "not here"
    assert isinstance(found[1], MethodRefusedError)
    assert found[2] == "here"


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_of_a_run_is_its_result(count):
    def refusing(e):
        e.activations(X, ["a"])
        raise UsageError("not this one")

    found = shared(Engine(), refusing, *[lambda e: 7] * (count - 1))
    assert isinstance(found[0], UsageError)
    assert found[1:] == [7] * (count - 1)


@pytest.mark.parametrize("where", ["run", "engine"])
def test_a_defect_ends_all_and_no_thread_is_left(where):
    engine, before = Engine(), threading.active_count()

    def broken(e):
        e.activations(X, ["a"])
        raise ZeroDivisionError("a defect")

    if where == "engine":
        engine.activations = lambda x, names: 1 / 0
    with pytest.raises(ZeroDivisionError):
        shared(engine, broken, lambda e: e.activations(X, ["a"]))
    assert threading.active_count() == before


def test_a_single_run_has_the_engine_itself():
    engine = Engine()
    assert run_shared([lambda share: share(engine)]) == [engine]


def test_runs_see_the_context_of_the_caller():
    said = contextvars.ContextVar("said", default="nothing")
    said.set("something")
    assert run_shared([lambda share: said.get()] * 2) == ["something"] * 2
