"""Places followed through a graph, against coordinates that are carried along in full."""

import itertools

import numpy as np
import pytest
from handmade import model

from onnxplain.graph.arrangement import arranged
from onnxplain.graph.places import Places, joined, picture_places
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

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


GRAPHS = {
    # body, tags, grid, order, as (rows, columns) of the first place
    "SpaceToDepth": ("y = SpaceToDepth<blocksize: int = 4>(image)", "NCHW", (4, 6), False),
    # The two digits of the row within a block become one of the row and one of the column.
    "every place has a row of its own": (
        "a = SpaceToDepth<blocksize: int = 4>(image) y = DepthToSpace<blocksize: int = 2>(a)",
        "NCHW", (16, 6), True,
    ),
    "there and back": (
        "a = SpaceToDepth<blocksize: int = 4>(image) y = DepthToSpace<blocksize: int = 4>(a)",
        "NCHW", (16, 24), False,
    ),
    "back in the other order of channels": (
        "a = SpaceToDepth<blocksize: int = 4>(image) "
        'y = DepthToSpace<blocksize: int = 4, mode: string = "CRD">(a)',
        "NCHW", None, None,
    ),
    "turned by Einsum": (
        'y = Einsum<equation: string = "nchw->nwhc">(image)', "NWHC", (16, 24), False,
    ),
    "mixed by Einsum": ('y = Einsum<equation: string = "nchw,cd->nhwd">(image, mix)', "NHWC",
                        (16, 24), False),
    "every second row, upside down": (
        "y = Slice(image, starts, ends, axes, steps)", "NCHW", (8, 24), True,
    ),
    "padded and enlarged": (
        'p = Pad(image, pads) y = Resize<mode: string = "linear">(p, none, scales)',
        "NCHW", (36, 56), False,
    ),
    "columns averaged away": (
        "y = ReduceMean<axes: ints = [3], keepdims: int = 1>(image)", "NCHW", (16, 1), False,
    ),
    "beside channels that are the same everywhere": (
        "p = GlobalAveragePool(image) e = Expand(p, size) y = Concat<axis: int = 1>(e, image)",
        "NCHW", (16, 24), False,
    ),
    "two pictures side by side": ("y = Concat<axis: int = 3>(image, image)", "", None, None),
}  # fmt: skip
CONSTANTS = {
    "mix": np.ones((3, 5)),
    "starts": np.array([-1]),
    "ends": np.array([-(2**31)]),
    "axes": np.array([2]),
    "steps": np.array([-2]),
    "pads": np.array([0, 0, 1, 2, 0, 0, 1, 2]),
    "none": np.zeros(0),
    "size": np.array([1, 1, 16, 24]),
    "scales": np.array([1.0, 1.0, 2.0, 2.0]),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_operators(name):
    body, tags, grid, ordered = GRAPHS[name]
    body += " g = ReduceMean<keepdims: int = 0, axes: ints = [1, 2, 3]>(y) "
    body += "u = Unsqueeze(g, one) scores = Concat<axis: int = 1>(u, u)"
    used = {k: v for k, v in CONSTANTS.items() if k in body} | {"one": np.array([1])}
    proto = model(body, used, image="float[N,3,16,24] image")
    axes = Network(prepare(proto)).axes
    found = axes.grid_of.get("y")
    if grid is None:
        assert found is None
    else:
        assert ("".join(found.tags), found.grid, found.order is not None) == (tags, grid, ordered)


def test_all_orders_of_a_small_grid_are_read_off():
    """Each permutation of four tokens, in front of none, one or two others."""
    places = picture_places((1, 1, 2, 2), "NCHW").reshaped((1, 4, 1))
    for order in itertools.permutations(range(4)):
        moved = places.taken(1, np.array(order))
        found = arranged(moved)
        read = np.arange(4) if found.order is None else found.order
        np.testing.assert_array_equal(np.array(order)[read], np.arange(4))
        for front in (1, 2):
            beside = arranged(joined([None, moved], [front, 4], 1))
            assert beside.prefix == front
            read = front + np.arange(4) if beside.order is None else beside.order
            np.testing.assert_array_equal(np.array(order)[read - front], np.arange(4))


def test_a_grid_with_a_place_twice_is_none():
    places = picture_places((1, 1, 2, 2), "NCHW").reshaped((1, 4, 1))
    assert arranged(places.taken(1, np.array([0, 1, 2, 2]))) is None
    assert arranged(places.taken(1, np.array([0, 1, 2]))) is None
