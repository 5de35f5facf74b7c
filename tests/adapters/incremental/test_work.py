"""Windows that are left to compute, and what whole inputs give for them."""

from dataclasses import replace

import numpy as np
import pytest
from adapters.incremental.exact import WINDOWS, case, tensors

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.batches import Shared
from onnxplain.adapters.changes import changed_inputs
from onnxplain.adapters.incremental.work import Services, Work, filled
from onnxplain.adapters.side_by_side import ONE_BY_ONE, SideBySide


def services(forward, batch=2):
    nothing = dict.fromkeys(["sections", "open_session", "profile", "batch_after"])
    return Services(
        forward=forward, bound={}, batch=lambda kind: BatchChoice([batch]), side=ONE_BY_ONE,
        shared=lambda names, count: None, fixed=None, obstacle="", wrong="",
        **nothing,
    )  # fmt: skip


def work(asked):
    made = case()

    def forward(inputs, names):
        asked.append(len(inputs))
        found = tensors(inputs)
        return {n: found[n] for n in names}

    return made, Work(services(forward), made.x, made.changes, ("scores", "d"), (1, 2))


def test_inputs_differ_from_the_base_inside_of_their_window():
    made, given = work([])
    for k, (top, bottom, left, right) in enumerate(WINDOWS):
        (changed,) = given.inputs([k])
        wanted = made.x.copy()
        wanted[:, top:bottom, left:right] = made.changes.content(k)
        np.testing.assert_array_equal(changed, wanted)
        assert (changed != made.x).any()


def test_what_is_done_is_not_computed_again():
    asked = []
    _, given = work(asked)
    assert given.left == [0, 1, 2, 3, 4]
    known = {"scores": np.full((2, 5), 7.0), "d": np.zeros((2, 5, 6, 6))}
    given.done.append((np.array([3, 1]), known))
    assert given.left == [0, 2, 4]
    run = given.whole("because of a reason")
    assert run.engine == {"name": "brute-force", "because": "because of a reason", "batch": 2}
    blocks = list(run.blocks)
    assert asked == [2, 1]
    assert [i.tolist() for i, _ in blocks] == [[3, 1], [0, 2], [4]]
    assert blocks[0][1] is known
    wanted = tensors(given.inputs([0, 2, 4]))
    for name in ("scores", "d"):
        found = np.concatenate([values[name] for _, values in blocks[1:]])
        np.testing.assert_array_equal(found, wanted[name])


def test_nothing_is_computed_before_it_is_asked_for():
    asked = []
    _, given = work(asked)
    run = given.whole("")
    assert asked == []
    next(run.blocks)
    assert asked == [2]


def test_a_batch_is_filled_with_its_last_input():
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(filled(x, 5), x[[0, 1, 2, 2, 2]])
    np.testing.assert_array_equal(filled(x, 3), x)


def counted(lengths):
    def forward(inputs, names=("scores",)):
        lengths.append(len(inputs))
        return {n: tensors(inputs)[n] for n in names}

    return forward


@pytest.mark.parametrize(("shares", "alone", "together"), [
    (True, [], [2, 2, 1]), (False, [2, 2, 1], []),
])  # fmt: skip
def test_batches_run_side_by_side_where_the_adapter_says_so(shares, alone, together):
    made, asked, beside, told = case(), [], [], []

    def shared(names, count):
        told.append((tuple(names), count))
        return Shared(lambda: counted(beside), SideBySide(2), most=64) if shares else None

    given = replace(services(counted(asked), batch=2), shared=shared)
    blocks = list(Work(given, made.x, made.changes, ("scores",), (1, 2)).whole("asked").blocks)
    assert np.concatenate([i for i, _ in blocks]).tolist() == list(range(len(WINDOWS)))
    found = np.concatenate([v["scores"] for _, v in blocks])
    expected = tensors(changed_inputs(made.x, made.changes, range(len(WINDOWS)), (1, 2)))
    np.testing.assert_array_equal(found, expected["scores"])
    assert told == [(("scores",), len(WINDOWS))]
    assert asked == alone
    assert sorted(beside, reverse=True) == together


def test_no_batches_run_side_by_side_before_the_best_is_known():
    made, asked, beside = case(), [], []
    shared = Shared(lambda: counted(beside), SideBySide(2), most=64)
    given = replace(
        services(counted(asked)), batch=lambda kind: BatchChoice([1, 2]), shared=lambda n, c: shared
    )
    given = Work(given, made.x, made.changes, ("scores",), (1, 2))
    assert sum(len(i) for i, _ in given.whole("asked").blocks) == len(WINDOWS)
    assert asked[:2] == [1, 1]
    assert beside == []
