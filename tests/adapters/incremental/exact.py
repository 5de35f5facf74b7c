"""A network of small whole numbers, whose tensors NumPy computes to the last bit."""

import numpy as np
from adapters.incremental.compare import Case
from handmade import model

SIDE = 12
_RNG = np.random.default_rng(0)
WEIGHTS = {
    "k1": _RNG.integers(-2, 3, (4, 3, 3, 3)).astype(np.float32),
    "k2": _RNG.integers(-2, 3, (5, 4, 3, 3)).astype(np.float32),
}
BODY = """
    a = Conv<pads = [1,1,1,1]>(image, k1) b = Relu(a)
    c = Conv<pads = [1,1,1,1], strides = [2,2]>(b, k2) d = Relu(c)
    g = GlobalMaxPool(d) scores = Flatten(g)
"""
IMAGE = f"float[N,3,{SIDE},{SIDE}] image"
WINDOWS = np.array([[0, 2, 0, 12], [5, 6, 5, 7], [10, 12, 9, 12], [3, 4, 0, 1], [7, 9, 2, 3]])


def case(body=BODY, names=("scores",), image=IMAGE, bound=None, **more):
    """Open it, with windows that show another picture of whole numbers."""
    used = {n: v for n, v in {**WEIGHTS, **more}.items() if f"{n})" in body}
    made = Case(model(body, used, image=image), list(names), windows=WINDOWS, bound=bound)
    rng = np.random.default_rng(1)
    made.x = rng.integers(-3, 4, made.x.shape).astype(np.float32)
    other = rng.integers(-3, 4, made.x.shape).astype(np.float32)
    made.changes = type(made.changes).from_picture(WINDOWS, other, (1, 2))
    return made


def part_between(made, start, stop):
    """The section between two cuts, named by their numbers, with its crops."""
    return made.planner.along([made.cuts[start], made.cuts[stop]]).parts[0]


def convolved(x, kernel, stride=1):
    """A convolution of a batch with one cell of padding."""
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,kcij->nkhw", seen[:, :, ::stride, ::stride], kernel)


def tensors(x):
    """Return ``b``, ``d`` and ``scores`` of whole inputs."""
    b = np.maximum(convolved(x, WEIGHTS["k1"]), 0)
    d = np.maximum(convolved(b, WEIGHTS["k2"], 2), 0)
    return {"b": b, "d": d, "scores": d.max(axis=(2, 3))}
