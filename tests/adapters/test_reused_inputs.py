"""Whole inputs in memory that is used again."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.reused_inputs import ReusedInputs

WINDOWS = np.array([[0, 2, 0, 3], [1, 4, 2, 5], [3, 4, 0, 1], [0, 4, 0, 5], [2, 3, 2, 4]])


def case(layout):
    rng = np.random.default_rng(0)
    shape, spatial = ((3, 4, 5), (1, 2)) if layout == "NCHW" else ((4, 5, 3), (0, 1))
    base, picture = rng.normal(size=shape), rng.normal(size=shape)
    return base, WindowChanges.from_picture(WINDOWS, picture, spatial), spatial


def seen(inputs):
    return {"copy": inputs.copy()}


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_batch_holds_the_changed_inputs_and_nothing_of_the_batch_before(layout):
    base, changes, spatial = case(layout)
    before = base.copy()
    reused = ReusedInputs(base, changes, spatial)
    for some in ([0, 1], [3], [2, 4], [4, 3, 2, 1, 0], [1]):
        indices, found = reused.run(seen, some)
        assert indices.tolist() == some
        wanted = changed_inputs(base, changes, some, spatial)
        np.testing.assert_array_equal(found["copy"], wanted)
    np.testing.assert_array_equal(base, before)


def test_contents_of_their_own_are_written():
    base, changes, spatial = case("NCHW")
    own = WindowChanges(WINDOWS, lambda k: changes.content(k) + k)
    reused = ReusedInputs(base, own, spatial)
    for some in ([2, 0], [1, 4]):
        _, found = reused.run(seen, some)
        np.testing.assert_array_equal(found["copy"], changed_inputs(base, own, some, spatial))


def test_memory_is_used_again_unless_it_was_handed_over():
    base, changes, spatial = case("NCHW")
    reused, asked = ReusedInputs(base, changes, spatial), []

    def run(inputs, *, kept):
        asked.append(inputs)
        return {"inputs": inputs[:, 1:]} if kept else {"sum": inputs.sum(axis=(1, 2, 3))}

    reused.run(lambda x: run(x, kept=False), [0, 1])
    _, found = reused.run(lambda x: run(x, kept=True), [2, 3])
    reused.run(lambda x: run(x, kept=False), [4, 0])
    assert np.may_share_memory(asked[0], asked[1])
    assert not np.may_share_memory(asked[1], asked[2])
    wanted = changed_inputs(base, changes, [2, 3], spatial)
    np.testing.assert_array_equal(found["inputs"], wanted[:, 1:])


def test_calls_that_run_side_by_side_have_memory_of_their_own():
    base, changes, spatial = case("NCHW")
    reused, both = ReusedInputs(base, changes, spatial), Barrier(2, timeout=60)

    def run(inputs):
        both.wait()  # each has written its windows
        return seen(inputs)

    with ThreadPoolExecutor(2) as pool:
        for some in ([[0], [1]], [[2], [4]]):
            for indices, found in pool.map(lambda s: reused.run(run, s), some):
                wanted = changed_inputs(base, changes, indices, spatial)
                np.testing.assert_array_equal(found["copy"], wanted)
