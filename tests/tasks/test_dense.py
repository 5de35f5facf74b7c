"""Dense outputs: one target is a class at a place, whatever the layout of the scores."""

import graphs
import numpy as np
import pytest
from graphs import SIDE, build, classifier, value_info
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import MethodRefusedError, UsageError

PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
GRID = (SIDE // 2, SIDE // 2)
CLASSES = 3


def segmentation(form="NCHW", *, softmax=False):
    """One convolution, ReLU, and a 1x1 convolution with a score for each class and place."""
    axis = {"NCHW": 1, "NHWC": 3, "tokens": 2}[form]
    shape = {
        "NCHW": ["N", CLASSES, *GRID],
        "NHWC": ["N", *GRID, CLASSES],
        "tokens": ["N", GRID[0] * GRID[1], CLASSES],
    }[form]
    nodes = [
        node("Conv", ["image", "w1"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "w2"], ["dense"]),
    ]
    last = "dense"
    if form == "NHWC":
        nodes.append(node("Transpose", [last], ["moved"], perm=[0, 2, 3, 1]))
        last = "moved"
    if form == "tokens":
        nodes.append(node("Reshape", [last, "s"], ["flat"]))
        nodes.append(node("Transpose", ["flat"], ["moved"], perm=[0, 2, 1]))
        last = "moved"
    nodes.append(
        node(
            "Softmax" if softmax else "Identity",
            [last],
            ["scores"],
            **({"axis": axis} if softmax else {}),
        )
    )
    constants = {
        "w1": graphs.weights(6, 3, 3, 3, seed=1),
        "w2": graphs.weights(CLASSES, 6, 1, 1, seed=2),
        "s": np.array([0, CLASSES, -1]),
    }
    inputs = [value_info("image", ["N", 3, SIDE, SIDE])]
    return build(nodes, [value_info("scores", shape)], constants, inputs=inputs)


def opened(form="NCHW", *, softmax=False):
    scores = None if softmax else "logits"
    return onnxplain.load(
        segmentation(form, softmax=softmax),
        preprocess="minus-one-one",
        precision="double",
        scores=scores,
    )


def place(form, row, column):
    return f"{row * GRID[1] + column}" if form == "tokens" else f"{row},{column}"


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("form", ["NCHW", "NHWC", "tokens"])
def test_classes_and_places_are_found(form, softmax):
    model = opened(form, softmax=softmax)
    answer = model.network.answer
    assert model.task.count == answer.shape[answer.axis] == CLASSES
    assert answer.axis == {"NCHW": 0, "NHWC": 2, "tokens": 1}[form]
    assert answer.places == ((GRID[0] * GRID[1],) if form == "tokens" else GRID)
    assert answer.task == "classes"


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("form", ["NCHW", "NHWC", "tokens"])
@pytest.mark.parametrize("method", ["gradient", "deeplift", "lrp", "occlusion"])
def test_every_layout_gives_the_same_map(form, softmax, method):
    options = {"occlusion": {"window": 4}}.get(method, {})
    expected = opened().explain(PICTURE, method, "1@2,3", **options)
    found = opened(form, softmax=softmax).explain(
        PICTURE, method, f"1@{place(form, 2, 3)}", **options
    )
    scale = np.abs(expected.attribution).max()
    assert scale > 0
    assert found.score == pytest.approx(expected.score, rel=1e-5)
    assert np.abs(found.attribution - expected.attribution).max() < 1e-5 * scale
    elsewhere = opened().explain(PICTURE, method, "1@4,0", **options)
    assert np.abs(elsewhere.attribution - expected.attribution).max() > 0.1 * scale


def test_the_gradient_stays_in_the_receptive_field():
    slope = opened().explain(PICTURE, "gradient", "1@2,3").attribution
    rows, columns = np.nonzero(np.abs(slope).sum(axis=0))
    # A 3x3 window of stride two with one pixel of padding.
    assert rows.min() >= 3
    assert rows.max() <= 5
    assert columns.min() >= 5
    assert columns.max() <= 7


def test_the_score_is_that_of_the_file():
    model = opened(softmax=True)
    x = model.read(PICTURE).x
    values = model.network.ort.activations(x, ["scores"])["scores"]
    for kind in ("probability", "raw"):
        found = model.explain(PICTURE, "occlusion", "2@1,5", kind=kind, window=6)
        assert found.score == pytest.approx(float(values[0, 2, 1, 5]), rel=1e-5)
    best = model.explain(PICTURE, "occlusion", "@1,5", window=6)
    assert best.target.index == values[0, :, 1, 5].argmax()
    assert best.target.position == (1, 5)
    assert best.probabilities.sum() == pytest.approx(1.0, rel=1e-5)


def test_grad_cam_reads_the_maps_that_the_scores_are_computed_from():
    found = opened().explain(PICTURE, "grad-cam", "1@2,3")
    assert found.layer == "r"
    assert np.abs(found.attribution).max() > 0


def test_places_of_one_picture_in_one_call():
    model = opened()
    found = model.explain_targets(PICTURE, "gradient", ["1@2,3", "top-2@0,0"])
    assert [e.target.position for e in found] == [(2, 3), (0, 0), (0, 0)]
    for explanation in found:
        alone = model.explain(PICTURE, "gradient", explanation.target)
        np.testing.assert_array_equal(alone.attribution, explanation.attribution)
        assert alone.score == explanation.score


def test_it_is_written_into_record_and_caption(tmp_path):
    found = opened().explain(PICTURE, "gradient", "1@2,3")
    found.save(tmp_path / "e.npz")
    again = onnxplain.Explanation.load(tmp_path / "e.npz")
    assert again.target == found.target
    assert again.target.position == (2, 3)
    assert "at (2, 3)" in found.target.describe()
    assert found.to_dict()["target"]["position"] == [2, 3]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("2@6,0", r"position 6,0 is outside the output: .* has 6 x 6 places"),
        ("2@1", "position 1 is outside"),
        ("2@1,2,3", "is outside the output"),
        ("2@one", r"place 'one' is not understood.*CLASS@everywhere"),
        ("3@1,1", r"out of range: the model has 0\.\.2"),
    ],
)
def test_what_cannot_be_meant(said, words):
    with pytest.raises(UsageError, match=words):
        opened().explain(PICTURE, "gradient", said)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("form", ["NCHW", "NHWC", "tokens"])
@pytest.mark.parametrize("where", ["", "@everywhere", "mask"])
def test_a_region_is_the_mean_of_its_places(form, softmax, where, tmp_path):
    model = opened(form, softmax=softmax)
    x = model.read(PICTURE).x
    dense = model.network.graph.resolve("dense")
    scores = model.network.ort.activations(x, [dense])[dense][0]
    index = int(scores.argmax(axis=0)[0, 0])
    mask = {"": scores.argmax(axis=0) == index, "@everywhere": np.ones(GRID, bool)}.get(
        where, np.random.default_rng(1).random(GRID) > 0.7
    )
    if where == "mask":
        np.save(tmp_path / "m.npy", mask.reshape(model.network.answer.places))
        where = f"@{tmp_path / 'm.npy'}"
    found = model.explain(PICTURE, "gradient", f"{index}{where}", kind="logit")
    assert found.score == pytest.approx(scores[index][mask].mean(), rel=1e-5)
    places = [f"{index}@{place(form, *at)}" for at in np.argwhere(mask)]
    each = model.explain_targets(PICTURE, "gradient", places, kind="logit")
    mean = np.mean([e.attribution for e in each], axis=0)
    assert np.abs(found.attribution - mean).max() < 1e-6 * np.abs(mean).max()
    assert 1 < len(places) <= GRID[0] * GRID[1]


def test_the_largest_area_is_explained_unless_told_otherwise():
    model = opened()
    shares = model.predict(PICTURE).shares
    found = model.explain(PICTURE, "gradient")
    assert found.target.index == shares.argmax()
    assert found.target.region == "its predicted region"
    assert found.unit == "area"
    np.testing.assert_allclose(found.scores, shares, rtol=1e-6)


def test_a_region_is_known_in_its_record_but_not_explained_from_it(tmp_path):
    model = opened()
    found = model.explain(PICTURE, "gradient", "1@everywhere")
    found.save(tmp_path / "e.npz")
    again = onnxplain.Explanation.load(tmp_path / "e.npz")
    assert again.target == found.target
    assert again.target.describe() == found.target.describe()
    with pytest.raises(UsageError, match="comes from a record; resolve it again"):
        model.explain(PICTURE, "gradient", again.target)


def test_a_plain_classifier_has_no_places():
    model = onnxplain.load(classifier(), preprocess="minus-one-one")
    with pytest.raises(UsageError, match=r"has one score for each class and no places"):
        model.explain(PICTURE, "gradient", "1@2,3")


def test_cam_refuses_a_dense_output():
    with pytest.raises(MethodRefusedError, match="use grad-cam"):
        opened().explain(PICTURE, "cam", "1@2,3")
