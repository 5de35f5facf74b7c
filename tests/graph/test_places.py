"""Places that are moved, against coordinates that are carried along in full."""

import numpy as np
import pytest

from onnxplain.graph.places import Places, joined, picture_places

SHAPE = (1, 3, 8, 12)


class Dense:
    """The slow definition: a row and a column for each element."""

    def __init__(self, rows, columns):
        self.both = (rows, columns)

    def then(self, change):
        return Dense(*(change(a) for a in self.both))


def start():
    rows, columns = np.meshgrid(np.arange(8.0), np.arange(12.0), indexing="ij")
    full = [np.broadcast_to(a, SHAPE).copy() for a in (rows, columns)]
    return picture_places(SHAPE, "NCHW"), Dense(*full)


def same(places: Places, dense: Dense) -> bool:
    first = [np.broadcast_to(a, places.shape) for a in places.at[::2]]
    return all(np.array_equal(f, d) for f, d in zip(first, dense.both, strict=True))


def reshapes(shape, rng):
    """A shape of as many elements, by splitting and joining axes."""
    flat = list(shape)
    for _ in range(3):
        k = int(rng.integers(len(flat)))
        factors = [f for f in range(2, flat[k]) if flat[k] % f == 0]
        if factors and rng.random() < 0.6:
            f = int(rng.choice(factors))
            flat[k : k + 1] = [f, flat[k] // f]
        elif k + 1 < len(flat):
            flat[k : k + 2] = [flat[k] * flat[k + 1]]
    return tuple(flat)


@pytest.mark.parametrize("seed", range(40))
def test_a_chain_of_moves(seed):
    rng = np.random.default_rng(seed)
    places, dense = start()
    for _ in range(6):
        kind = rng.integers(5)
        axis = int(rng.integers(places.rank))
        length = places.shape[axis]
        if kind == 0:
            shape = reshapes(places.shape, rng)
            places, dense = places.reshaped(shape), dense.then(lambda a, s=shape: a.reshape(s))
        elif kind == 1:
            order = rng.permutation(places.rank)
            places, dense = (
                places.transposed([int(k) for k in order]),
                dense.then(lambda a, o=order: a.transpose(o)),
            )
        elif kind == 2:
            index = rng.permutation(length)[: max(1, length - 1)]
            places = places.taken(axis, index)
            dense = dense.then(lambda a, i=index, k=axis: np.take(a, i, k))
        elif kind == 3 and length > 1:
            cut = int(rng.integers(1, length))
            parts = [np.arange(cut, length), np.arange(cut)]
            whole = [places.taken(axis, p) for p in parts]
            places = joined(whole, [len(p) for p in parts], axis)
            dense = dense.then(lambda a, n=cut, k=axis: np.roll(a, -n, k))
        else:
            flat = rng.permutation(int(np.prod(places.shape)))
            shape = places.shape
            places = places.flat(flat, shape)
            dense = dense.then(lambda a, f=flat, s=shape: a.ravel()[f].reshape(s))
            dense = dense.then(np.ascontiguousarray)
        assert same(places, dense), kind


def test_the_slow_definition_notices_a_wrong_move():
    places, dense = start()
    assert not same(places.transposed([0, 1, 3, 2]).reshaped(SHAPE), dense)


def test_a_map_costs_its_rows_and_columns_only():
    places, _ = start()
    assert sorted(a.size for a in places.at) == [8, 8, 12, 12]
    grouped = places.reshaped((1, 3, 1, 8, 12)).transposed([0, 2, 1, 3, 4]).reshaped((3, 8, 12))
    assert sorted(a.size for a in grouped.at) == [8, 8, 12, 12]
