"""Both sides of a cosine: closed forms, what is covered, vectors against others, refusals."""

import numpy as np
import pytest
from features.small import BODY, inputs, opened, pixels, tensors

from onnxplain.errors import UsageError
from onnxplain.features.similarity import likeness_to, similarity, vector_of, vector_reading

# An embedding that is a matrix times the pixels.
LINEAR = "f = Flatten(image) scores = MatMul(f, w)"
W = np.random.default_rng(3).normal(size=(432, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def embedding():
    return opened(LINEAR, w=W, precision="double", scores=None, task="embedding")


@pytest.fixture(scope="module")
def model():
    return opened(precision="double")


def vectors(*seeds):
    return inputs(*seeds).reshape(len(seeds), -1).astype(np.float64) @ W


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def slope_by_hand(own, fixed):
    """Derivative of the cosine with respect to the pixels of one picture."""
    unit, direction = own / np.linalg.norm(own), fixed / np.linalg.norm(fixed)
    return W @ ((direction - (unit @ direction) * unit) / np.linalg.norm(own))


def test_one_side_by_a_closed_form(embedding):
    """Derivative of the cosine with respect to a picture, the other vector fixed."""
    one, other = vectors(0, 1)
    aim = likeness_to(embedding, other, "it")
    found = similarity(embedding, pixels(0), aim, method="gradient")
    assert found.cosine == pytest.approx(cosine(one, other), rel=1e-6)
    slope = slope_by_hand(one, other)
    np.testing.assert_allclose(
        found.first.attribution.reshape(-1), slope, atol=1e-9 * np.abs(slope).max()
    )


def test_each_side_is_explained_with_the_other_vector_fixed(embedding):
    found = similarity(embedding, pixels(0), pixels(1), method="gradient")
    one, other = vectors(0, 1)
    assert found.cosine == pytest.approx(cosine(one, other), rel=1e-6)
    for side, own, fixed in ((found.first, one, other), (found.second, other, one)):
        # The fixed vector comes from ONNX Runtime, in single precision.
        slope = slope_by_hand(own, fixed)
        atol = 1e-4 * np.abs(slope).max()
        np.testing.assert_allclose(side.attribution.reshape(-1), slope, atol=atol)
        assert np.abs(slope_by_hand(fixed, own) - slope).max() > 100 * atol
        assert side.score == pytest.approx(found.cosine, rel=1e-6)


def test_exchanged_pictures_exchange_the_sides(embedding):
    there, back = (
        similarity(embedding, *pair, method="gradient")
        for pair in ((pixels(0), pixels(1)), (pixels(1), pixels(0)))
    )
    np.testing.assert_allclose(there.first.attribution, back.second.attribution, rtol=1e-9)
    np.testing.assert_allclose(there.second.attribution, back.first.attribution, rtol=1e-9)


def test_occlusion_is_what_the_cosine_loses(embedding):
    found = similarity(
        embedding, pixels(0), pixels(1),
        parameters={"window": 6, "stride": 6, "fill_with": "black"},
    )  # fmt: skip
    one, other = inputs(0, 1)
    covered = one.copy()
    covered[:, :6, 6:] = 0
    a, c, b = (v.reshape(-1).astype(np.float64) @ W for v in (one, covered, other))
    values = found.first.attribution
    assert values[2, 8] == pytest.approx(cosine(a, b) - cosine(c, b), rel=1e-4)


def test_a_vector_against_others(embedding):
    rng = np.random.default_rng(0)
    text, others = rng.normal(size=7) + 3, [rng.normal(size=7) + 3 for _ in range(2)]
    aim = likeness_to(embedding, text, "dog", against=others)
    found = similarity(embedding, pixels(0), aim, method="gradient")
    units = [v / np.linalg.norm(v) for v in (text, *others)]
    left = units[0] - (units[1] + units[2]) / 2
    assert found.second is None
    assert found.cosine == pytest.approx(cosine(vectors(0)[0], left), rel=1e-6)
    assert "likeness to dog rather than others" in aim.describe()
    alone = similarity(embedding, pixels(0), likeness_to(embedding, text, "dog"), method="gradient")
    assert alone.cosine == pytest.approx(cosine(vectors(0)[0], text), rel=1e-6)


def test_a_classifier_is_compared_at_the_vector_before_its_scores(model):
    found = similarity(model, pixels(0), pixels(1), method="gradient")
    one, other = (tensors(inputs(s))["r"][0].astype(np.float64) for s in (0, 1))
    assert found.cosine == pytest.approx(cosine(one, other), rel=1e-6)
    picture = model.read(pixels(0))
    np.testing.assert_array_equal(vector_of(model, picture, vector_reading(model)), one)


def test_any_layer_is_a_vector(model):
    found = similarity(model, pixels(0), pixels(1), layer="d", method="gradient")
    one, other = (tensors(inputs(s))["d"].reshape(-1).astype(np.float64) for s in (0, 1))
    assert found.cosine == pytest.approx(cosine(one, other), rel=1e-6)


@pytest.mark.parametrize(
    ("vector", "against", "message"),
    [
        (np.ones(6), [], "has 6 numbers; it must have 7 finite ones"),
        (np.zeros(7), [], "not all zero"),
        (np.full(7, np.nan), [], "finite"),
        (np.ones(7), [2 * np.ones(7)], "nothing is left"),
        (np.ones(7), [np.ones(3)], "has 3 numbers"),
    ],
)
def test_vectors_that_do_not_fit(embedding, vector, against, message):
    with pytest.raises(UsageError, match=message):
        likeness_to(embedding, vector, "dog", against=against)


def test_a_model_without_a_vector_is_refused():
    body = BODY[: BODY.index("g = Global")] + " scores = GlobalMaxPool(d)"
    maps = opened(body, labels=None)
    with pytest.raises(UsageError, match=r"answers no embedding.*name the tensor"):
        vector_reading(maps)
