"""Which numbers belong to one Softmax, against sums of real ones."""

import itertools

import numpy as np
import pytest
import scipy.special

from onnxplain.graph.answers.groups import group_ids, group_size, softmax_along
from onnxplain.graph.answers.part import Part, Source

SHAPE = (2, 3, 4)
AXES = [(0,), (1,), (2,), (0, 2), (1, 2)]


def part(axes, flat=None, slots=None):
    return Part("softmax", Source("p", flat), slots, axes)


@pytest.mark.parametrize("axes", AXES)
def test_numbers_of_one_group_sum_to_one(axes):
    x = np.random.default_rng(0).normal(size=SHAPE)
    p = scipy.special.softmax(x, axis=axes).ravel()
    ids = group_ids({"p": SHAPE}, part(axes))
    assert np.allclose(np.bincount(ids, p), 1.0, rtol=0, atol=1e-12)
    assert group_size({"p": SHAPE}, part(axes)) * (ids.max() + 1) == p.size


@pytest.mark.parametrize(("axes", "order"), list(itertools.product(AXES, [(2, 0, 1), (1, 0, 2)])))
def test_axes_are_followed_through_a_transpose(axes, order):
    flat = np.arange(24).reshape(SHAPE).transpose(order)
    found = softmax_along({"p": SHAPE}, [part(axes, flat.ravel())], flat.shape)
    assert found == tuple(k for k, axis in enumerate(order) if axis in axes)
    assert softmax_along({"p": SHAPE}, [part(axes)], SHAPE) == axes


def test_two_softmaxes_side_by_side():
    slots = np.arange(6).reshape(2, 3)
    parts = [Part("softmax", Source(n), s, (0,)) for n, s in zip("ab", slots, strict=True)]
    shapes = {"a": (3,), "b": (3,)}
    assert softmax_along(shapes, parts, (2, 3)) == (1,)
    # The same six numbers as one axis: neither all of one Softmax nor each of its own.
    assert softmax_along(shapes, parts, (6,)) is None
