"""Maps at several scales: with numbers written by hand, their boxes are those of the cells."""

import numpy as np
import pytest
from scipy.special import expit
from seen_boxes import seen

from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.boxes.scales import UNDECODED, scales
from tests.graph.answers.shaped import outputs_of_shapes, traced

RNG = np.random.default_rng(2)
SIZES = {
    "fine": RNG.normal(size=(8, 3, 8, 8)).astype(np.float32),
    "coarse": RNG.normal(size=(8, 3, 16, 16)).astype(np.float32),
    "parts": np.array([4, 1, 3]), "halves": np.array([4, 4]),
}  # fmt: skip


def of_shapes(shapes, names=0, size=(64, 64), **activations):
    return scales(traced(outputs_of_shapes(shapes, size, activations)).seen(names))


def spread(steps, rows, columns):
    """Scores of 16 steps of each of four distances that leave but one step, the same everywhere."""
    found = np.full((4, 16), -1000.0)
    found[np.arange(4), steps] = 0
    return np.tile(found.reshape(64, 1, 1), (1, rows, columns))


@pytest.mark.parametrize("apart", [False, True])
def test_distances_are_counted_in_cells_from_their_middles(apart):
    fine, coarse = {"b8": (64, 6, 8), "c8": (5, 6, 8)}, {"b16": (64, 3, 4), "c16": (5, 3, 4)}
    whole = {"m16": (69, 3, 4), "m8": (69, 6, 8)}
    found = of_shapes(coarse | fine if apart else whole, 5, size=(48, 64))
    rng = np.random.default_rng(0)
    boxes = {8: spread([1, 2, 3, 4], 6, 8), 16: spread([0, 1, 0, 15], 3, 4)}
    logits = {8: rng.normal(size=(5, 6, 8)), 16: rng.normal(size=(5, 3, 4))}
    if apart:
        values = {f"b{s}": b for s, b in boxes.items()} | {f"c{s}": z for s, z in logits.items()}
    else:
        values = {f"m{s}": np.concatenate([boxes[s], logits[s]]) for s in boxes}
    values = {name: value[None] for name, value in values.items()}
    wanted = [
        (8 * (x + 0.5 - 1), 8 * (y + 0.5 - 2), 8 * (x + 0.5 + 3), 8 * (y + 0.5 + 4))
        for y in range(6)
        for x in range(8)
    ] + [
        (16 * (x + 0.5), 16 * (y + 0.5 - 1), 16 * (x + 0.5), 16 * (y + 0.5 + 15))
        for y in range(3)
        for x in range(4)
    ]
    np.testing.assert_allclose(found.layout.sides(values)[0].T, wanted, rtol=1e-12)
    scores = np.concatenate([expit(z).reshape(5, -1) for z in logits.values()], axis=1)
    np.testing.assert_allclose(found.layout.class_scores(values)[0], scores, rtol=1e-12)
    assert (found.layout.count, found.doubt) == (5, "")
    assert found.form_known
    assert found.unit_known
    assert found.scores_known


def test_scores_with_a_sigmoid_have_it_once():
    shapes = {"b8": (64, 8, 8), "c8": (5, 8, 8), "b16": (64, 4, 4), "c16": (5, 4, 4)}
    found = of_shapes(shapes, c8="Sigmoid", c16="Sigmoid")
    assert found.layout.scores.squash == "none"
    half = of_shapes(shapes, c8="Sigmoid")
    assert half == "some of its scores have a Sigmoid and others have none"


def head(number, weights, stride, sizes, parts):
    """A convolution whose channels are cut into parts and joined again."""
    names = ", ".join(f"{part}{number}" for part in parts)
    return (
        f"maps{number} = Conv<strides=[{stride},{stride}]>(image, {weights}) "
        f"{names} = Split<axis=1>(maps{number}, {sizes}) out{number} = Concat<axis=1>({names}) "
    )


def test_a_box_an_objectness_and_scores_are_those_of_yolox():
    body = head(1, "coarse", 16, "parts", ("box", "object", "class")) + head(
        2, "fine", 8, "parts", ("box", "object", "class")
    )
    found = scales(seen(body, ["float[N,8,4,4] out1", "float[N,8,8,8] out2"], **SIZES))
    assert isinstance(found, FoundBoxes)
    assert "YOLOX" in found.doubt
    # Half a cell to the right of the corner and down; e times as wide as a cell, one as high.
    numbers = np.array([0.5, 0.5, 1, 0, 2, -1, 0, 1]).reshape(1, 8, 1, 1)
    values = {"out1": np.tile(numbers, (4, 4)), "out2": np.tile(numbers, (8, 8))}
    sides = found.layout.sides(values)[0]
    for row, stride, (y, x) in ((0, 8, (0, 0)), (9, 8, (1, 1)), (64 + 6, 16, (1, 2))):
        cx, cy, wide = (x + 0.5) * stride, (y + 0.5) * stride, np.e * stride
        wanted = (cx - wide / 2, cy - stride / 2, cx + wide / 2, cy + stride / 2)
        np.testing.assert_allclose(sides[:, row], wanted, rtol=1e-12)
    scores = found.layout.class_scores(values)[0, :, 0]
    np.testing.assert_allclose(scores, expit(2) * expit([-1, 0, 1]), rtol=1e-12)


def test_other_parts_are_not_decoded():
    body = head(1, "coarse", 16, "halves", ("box", "class")) + head(
        2, "fine", 8, "halves", ("box", "class")
    )
    assert scales(seen(body, ["float[N,8,4,4] out1", "float[N,8,8,8] out2"], **SIZES)) == UNDECODED


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [
        ({"a": (255, 8, 8), "b": (255, 4, 4), "c": (255, 2, 2)}, UNDECODED),
        ({"a": (3, 8, 8, 85), "b": (3, 4, 4, 85)}, UNDECODED),
        ({"a": (4, 8, 8), "b": (20, 8, 8), "c": (4, 4, 4), "d": (20, 4, 4)}, UNDECODED),
        # As wide as 64 steps and three classes, which nothing tells.
        ({"a": (67, 8, 8), "b": (67, 4, 4)}, UNDECODED),
        ({"a": (67, 8, 8), "b": (68, 4, 4)}, "its scales do not have the same maps"),
        ({"a": (67, 8, 8), "b": (67, 8, 8)}, "its scales do not have the same maps"),
        ({"a": (67, 7, 8), "b": (67, 4, 4)}, "its scales do not have the same maps"),
        ({"a": (67, 8, 8)}, None),
        ({"a": (100, 6), "b": (100, 4)}, None),
    ],
)
def test_what_cannot_be_read(shapes, wanted):
    assert of_shapes(shapes) == wanted
