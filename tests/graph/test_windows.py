"""Window arithmetic against what is found by asking every cell."""

import numpy as np
import pytest

from onnxplain.graph.windows import (
    POINTWISE,
    Need,
    Sliding,
    affected,
    clamped_crops,
    unpadded_crops,
)


def read_by(cell, step):
    """Input cells that an output cell reads, padding included."""
    first = cell * step.stride - step.before
    return set(range(first, first + step.extent))


def random_step(draw):
    extent = int(draw.integers(1, 8))
    before, after = (int(v) for v in draw.integers(0, extent, 2))
    return Sliding(extent, int(draw.integers(1, 5)), before, after)


def random_windows(draw, length, count=6):
    begin = draw.integers(0, length, count)
    return begin, np.minimum(length, begin + draw.integers(1, length + 1, count))


@pytest.mark.parametrize("seed", range(40))
def test_affected_cells_are_those_that_read_a_changed_one(seed):
    draw = np.random.default_rng(seed)
    length, step = int(draw.integers(8, 40)), random_step(draw)
    outputs = (length + step.before + step.after - step.extent) // step.stride + 1
    begin, end = random_windows(draw, length)
    first, last = affected(begin, end, step, outputs)
    for k in range(len(begin)):
        changed = set(range(begin[k], end[k]))
        expected = [c for c in range(outputs) if read_by(c, step) & changed]
        if expected:
            assert list(range(first[k], last[k])) == expected
        else:
            assert 0 <= first[k] < last[k] <= outputs


@pytest.mark.parametrize("seed", range(40))
def test_needs_hold_every_cell_that_a_chain_reads(seed):
    draw = np.random.default_rng(seed)
    chain = [random_step(draw) for _ in range(3)]
    need = Need()
    for step in reversed(chain):
        need = need.through(step)
    forward = Need()
    for step in chain:
        forward = forward.followed_by(step)
    assert forward == need
    length = 10_000  # far from both ends, where needs are clipped
    begin, end = np.array([40, 60]), np.array([45, 61])
    first, last = need.of(begin, end, length)
    for k in range(2):
        cells = set(range(begin[k], end[k]))
        for step in reversed(chain):
            cells = set().union(*(read_by(c, step) for c in cells))
        assert (first[k], last[k]) == (min(cells), max(cells) + 1)


def test_needs_end_where_the_axis_does():
    first, last = Need(2, 3, 3).of(np.array([0, 4]), np.array([1, 5]), 10)
    assert (first.tolist(), last.tolist()) == ([0, 5], [4, 10])


def test_needs_of_two_paths_are_joined_at_equal_strides_only():
    wide, narrow = Need(2, 3, 1), Need(2, 1, 4)
    assert wide.joined(narrow) == Need(2, 3, 4)
    assert wide.joined(Need(1, 3, 1)) is None
    assert Need().through(POINTWISE) == Need()


@pytest.mark.parametrize("seed", range(60))
def test_crops_keep_grid_borders_and_need(seed):
    draw = np.random.default_rng(seed)
    length, stride = int(draw.integers(1, 90)), int(draw.choice([1, 2, 3, 4, 8, 16]))
    begin, end = random_windows(draw, length, 12)
    crops = clamped_crops(begin, end, length, stride)
    stop = crops.origin + crops.length
    assert (crops.origin % stride == 0).all()
    assert ((length - crops.length) % stride == 0).all()
    assert (crops.origin >= 0).all()
    assert (crops.origin <= begin).all()
    assert (stop >= end).all()
    assert (stop <= length).all()


def test_interior_windows_share_one_size_and_borders_few():
    begin = np.arange(0, 216, 4)
    crops = clamped_crops(np.maximum(begin - 3, 0), np.minimum(begin + 12, 224), 224, 4)
    inner = (begin - 3 > 0) & (begin + 12 < 224)
    assert len(set(crops.length[inner].tolist())) == 1
    assert len(set(crops.length.tolist())) <= 5


def outputs_of(length, chain):
    """Cells that a chain gives of so many, one operator after the other, where none pads."""
    for step in chain:
        length = (length - step.extent) // step.stride + 1
    return length


@pytest.mark.parametrize("seed", range(40))
def test_crops_without_padding_give_the_wanted_cells_and_no_others(seed):
    draw = np.random.default_rng(seed)
    chain, need = [random_step(draw) for _ in range(3)], Need()
    for step in chain:
        need = need.followed_by(step)
    cells = int(draw.integers(1, 40))
    begin, end = random_windows(draw, cells, 12)
    crops = unpadded_crops(begin, end, cells, need)
    given = [outputs_of(length, chain) for length in crops.length.tolist()]
    assert need.cells(crops.length).tolist() == given
    last = crops.first + given
    assert (crops.first >= 0).all()
    assert (last <= cells).all()
    assert ((crops.first <= begin) & (last >= end)).all()
    # In steps of a seventh of the axis, and none larger than any window wants.
    assert (np.array(given) < end - begin + max(1, cells // 7)).all()
    assert max(given) == (end - begin).max()
    for k, first in enumerate(crops.first.tolist()):
        reads = {first, first + given[k] - 1}
        for step in reversed(chain):
            reads = set().union(*(read_by(c, step) for c in reads))
        origin = int(crops.origin[k])
        assert (min(reads), max(reads)) == (origin, origin + int(crops.length[k]) - 1)


def test_crops_without_padding_have_few_sizes():
    begin, end = np.arange(0, 200), np.arange(0, 200) + np.tile([3, 17, 45, 56, 80], 40)
    crops = unpadded_crops(begin, np.minimum(end, 210), 210, Need(2, 1, 1))
    assert len(set(crops.length.tolist())) <= 4
