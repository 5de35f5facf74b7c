"""One output with boxes and scores, read from numbers written by hand."""

import numpy as np
import pytest
from scipy.special import expit
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.found import FoundBoxes
from onnxplain.graph.answers.boxes.whole_rows import left_aside, whole_rows
from onnxplain.graph.answers.output_shapes import OutputShape
from tests.graph.answers.shaped import outputs_of_shapes, traced

# Candidates of 64 x 64 pixels at strides of 8, 16 and 32.
PLACES = 64 + 16 + 4
WORDLESS = "nothing says whether the fifth is an objectness or a class"


def of_shapes(shapes, names=0, **activations):
    return whole_rows(traced(outputs_of_shapes(shapes, (64, 64), activations)).seen(names))


def numbers(width, count):
    """For each candidate a box around (30, 40), 10 wide and 20 high, and scores."""
    rows = np.random.default_rng(1).uniform(0.1, 1, size=(count, width))
    rows[:, :4] = 30, 40, 10, 20
    return rows


@pytest.mark.parametrize("shape", [(7, 50), (50, 7), (1, 7, 50), (50, 1, 7)])
def test_scores_follow_the_box_along_either_axis(shape):
    found = of_shapes({"o": shape}, names=3)
    rows = numbers(7, 50)
    turned = rows if shape.index(7) > shape.index(50) else rows.T
    values = {"o": turned.reshape(1, *shape)}
    np.testing.assert_array_equal(found.layout.sides(values)[0].T, [[25, 30, 35, 50]] * 50)
    np.testing.assert_array_equal(found.layout.class_scores(values)[0], rows[:, 4:].T)
    assert (found.layout.count, found.layout.objectness, found.doubt) == (3, None, "")


def test_an_objectness_is_a_factor_of_the_scores():
    found = of_shapes({"o": (50, 8)}, names=3)
    rows = numbers(8, 50)
    np.testing.assert_allclose(
        found.layout.class_scores({"o": rows[None]})[0], (rows[:, 4:5] * rows[:, 5:]).T, rtol=1e-15
    )
    assert found.layout.count == 3


@pytest.mark.parametrize(("activation", "known"), [("Sigmoid", True), ("Neg", False)])
def test_whether_scores_are_activated_is_told_by_the_graph(activation, known):
    assert of_shapes({"o": (7, 50)}, names=3, o=activation).scores_known == known


MASKS = (
    f"{MAPS} b, c, x = Split<axis=1>(m, cut) s = Sigmoid(c) j = Concat<axis=1>(b, s, x) "
    "out = Reshape(j, flat)"
)


@pytest.mark.parametrize(
    ("cut", "said", "angle"),
    [((4, 3, 1), "1 more number ", True), ((4, 2, 2), "2 more numbers ", False)],
)
def test_further_numbers_are_left_aside_with_a_word(cut, said, angle):
    sizes = {"cut": np.array(cut), "flat": np.array([0, 8, -1])}
    found = whole_rows(seen(MASKS, ["float[N,8,64] out"], names=cut[1], **sizes))
    assert said in found.doubt
    assert ("angle" in found.doubt) == angle
    rows = numbers(8, 64)
    scores = found.layout.class_scores({"out": rows.T[None]})[0]
    np.testing.assert_array_equal(scores, rows[:, 4 : 4 + cut[1]].T)


def test_nothing_is_said_where_nothing_is_left():
    assert left_aside(OutputShape("o", (7, 50), 0, floating=True), 0) == ""


def test_distributions_are_those_of_the_usual_cells():
    found = of_shapes({"o": (64 + 3, PLACES)}, names=3)
    steps = np.full((4, 16), -1000.0)
    steps[[0, 1, 2, 3], [1, 2, 0, 3]] = 0
    logits = np.random.default_rng(0).normal(size=(3, PLACES))
    values = {"o": np.concatenate([np.tile(steps.reshape(64, 1), PLACES), logits])[None]}
    sides = found.layout.sides(values)[0]
    # The first cell of each stride, whose middle is half a stride from the corner.
    for row, stride in ((0, 8), (64, 16), (64 + 16, 32)):
        wanted = stride * np.array([0.5 - 1, 0.5 - 2, 0.5, 0.5 + 3])
        np.testing.assert_allclose(sides[:, row], wanted, rtol=1e-12)
    np.testing.assert_allclose(found.layout.class_scores(values)[0], expit(logits), rtol=1e-12)


def scale(number, stride):
    cut = f"b{number}, o{number}, c{number} = Split<axis=1>(maps{number}, cut)"
    return (
        f"maps{number} = Conv<strides=[{stride},{stride}]>(image, k{stride}) {cut} "
        f"p{number} = Sigmoid(o{number}) s{number} = Sigmoid(c{number}) "
        f"j{number} = Concat<axis=1>(b{number}, p{number}, s{number}) "
        f"r{number} = Reshape(j{number}, flat) "
    )


def test_offsets_from_the_usual_cells_are_those_of_yolox():
    rng = np.random.default_rng(0)
    strides = (8, 16, 32)
    kernels = {f"k{s}": rng.normal(size=(8, 3, s, s)).astype(np.float32) for s in strides}
    body = "".join(scale(k, s) for k, s in enumerate(strides))
    made = seen(
        f"{body} out = Concat<axis=2>(r0, r1, r2)", [f"float[N,8,{PLACES}] out"],
        names=3, cut=np.array([4, 1, 3]), flat=np.array([0, 8, -1]), **kernels,
    )  # fmt: skip
    found = whole_rows(made)
    assert "YOLOX" in found.doubt
    rows = np.tile([0.5, 0.5, 0, 0, 0.5, 0.1, 0.2, 0.3], (PLACES, 1))
    values = {"out": rows.T[None]}
    # The box of each cell is the cell itself.
    wanted = [
        (x * s, y * s, (x + 1) * s, (y + 1) * s)
        for s in strides
        for y in range(64 // s)
        for x in range(64 // s)
    ]
    np.testing.assert_allclose(found.layout.sides(values)[0].T, wanted, rtol=1e-12)
    np.testing.assert_allclose(
        found.layout.class_scores(values)[0, :, 0], [0.05, 0.1, 0.15], rtol=1e-12
    )


@pytest.mark.parametrize("width", [8, 85])
def test_what_nothing_tells_is_said(width):
    said = of_shapes({"o": (width, 100)})
    assert isinstance(said, str)
    assert f"'o' holds {width} numbers" in said
    assert WORDLESS in said


@pytest.mark.parametrize("shape", [(4, 100), (100,), (3, 8, 8), (8, 8), (1, 1, 100)])
def test_other_outputs_hold_no_rows(shape):
    assert of_shapes({"o": shape}, names=3) is None


def test_whole_numbers_and_unknown_lengths_hold_no_rows():
    body = f"{MAPS} r = Reshape(m, flat) out = Cast<to=7>(r)"
    sizes = {"flat": np.array([0, 8, -1])}
    assert whole_rows(seen(body, ["int64[N,8,64] out"], names=4, **sizes)) is None
    body = f"{MAPS} r = Reshape(m, flat) out = Identity(r)"
    assert isinstance(whole_rows(seen(body, ["float[N,8,64] out"], names=4, **sizes)), FoundBoxes)
    body = "f = Flatten(image) n = NonZero(f) c = Cast<to=1>(n) out = Concat<axis=0>(c, c, c)"
    assert whole_rows(seen(body, ["float[6,M] out"], names=2)) is None
