"""The cosine between an embedding and a given vector."""

import numpy as np
import pytest
import torch

from onnxplain.errors import NumericalError
from onnxplain.targets.likeness import Likeness
from onnxplain.targets.reading import Piece, Reading
from onnxplain.targets.recorded import target_from

RNG = np.random.default_rng(0)
Y, OTHER = RNG.normal(size=(2, 3, 6))
REFERENCE = RNG.normal(size=6)
STEP = 1e-6


def likeness(reading=None, reference=REFERENCE):
    return Likeness("b.png", "like-b", reading or Reading((Piece("y"),)), reference)


def cosines(rows, reference=REFERENCE):
    """By PyTorch, independently."""
    return torch.cosine_similarity(torch.from_numpy(rows), torch.from_numpy(reference)[None])


def test_the_cosine_of_each_input():
    np.testing.assert_allclose(likeness().score({"y": Y}), cosines(Y).numpy(), rtol=1e-12)
    assert likeness().score({"y": REFERENCE[None]}) == pytest.approx(1.0, rel=1e-15)
    assert likeness().score({"y": -3 * REFERENCE[None]}) == pytest.approx(-1.0, rel=1e-15)


@pytest.mark.parametrize("factor", [0.01, 1.0, 1e6])
def test_lengths_do_not_count(factor):
    expected = likeness().score({"y": Y})
    np.testing.assert_allclose(likeness().score({"y": factor * Y}), expected, rtol=1e-12)
    scaled = likeness(reference=factor * REFERENCE)
    np.testing.assert_allclose(scaled.score({"y": Y}), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 6), (3, 2, 3), (3, 6, 1, 1)])
def test_slopes_are_those_of_the_cosine(shape):
    values = {"y": Y.reshape(shape)}
    slopes = likeness().slopes(values)["y"]
    assert slopes.shape == shape
    leaf = torch.from_numpy(Y.copy()).requires_grad_()
    cosines_of = torch.cosine_similarity(leaf, torch.from_numpy(REFERENCE)[None])
    cosines_of.sum().backward()
    np.testing.assert_allclose(slopes.reshape(3, 6), leaf.grad.numpy(), rtol=1e-10, atol=1e-14)
    for way in np.random.default_rng(1).normal(size=(4, *shape)):
        ends = [likeness().score({"y": values["y"] + sign * STEP * way}) for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * STEP)
        found = (slopes * way).reshape(3, -1).sum(axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_slopes_along_the_embedding_are_zero():
    """A longer vector is no more alike, so that slope times value says nothing."""
    slopes = likeness().slopes({"y": Y})["y"]
    assert np.abs(slopes).max() > 0.01
    assert np.abs((slopes * Y).sum(axis=1)).max() < 1e-15


def test_starts_add_up_to_the_cosine():
    starts = likeness().starts({"y": Y})["y"]
    np.testing.assert_allclose(starts.sum(axis=1), cosines(Y).numpy(), rtol=1e-12)
    lengths = np.linalg.norm(Y, axis=1, keepdims=True) * np.linalg.norm(REFERENCE)
    np.testing.assert_allclose(starts, Y * REFERENCE / lengths, rtol=1e-12)


def test_multipliers_between_two_inputs_are_complete():
    here, there = Y, Y + 0.5 * OTHER
    found = likeness().secants({"y": here}, {"y": there})["y"]
    change = (cosines(here) - cosines(there)).numpy()
    assert np.abs(change).max() > 0.01
    np.testing.assert_allclose((found * (here - there)).sum(axis=1), change, rtol=1e-10)
    assert not likeness().is_linear


def test_a_reading_of_some_elements_has_slopes_there_only():
    reading = Reading((Piece("y", np.array([4, 1])),), scale=2.0)
    target = likeness(reading, np.array([1.0, -2.0]))
    np.testing.assert_allclose(
        target.score({"y": Y}), cosines(Y[:, [4, 1]], np.array([1.0, -2.0])).numpy(), rtol=1e-12
    )
    slopes = target.slopes({"y": Y})["y"]
    assert slopes[:, [4, 1]].all()
    assert not slopes[:, [0, 2, 3, 5]].any()
    for way in np.random.default_rng(1).normal(size=(2, *Y.shape)):
        ends = [target.score({"y": Y + sign * STEP * way}) for sign in (1, -1)]
        np.testing.assert_allclose(
            (slopes * way).sum(axis=1), (ends[0] - ends[1]) / (2 * STEP), rtol=1e-6, atol=1e-9
        )


def test_an_embedding_of_zeros_has_no_direction():
    rows = Y.copy()
    rows[1] = 0.0
    for verb in ("score", "slopes", "starts"):
        with pytest.raises(NumericalError, match="no direction"):
            getattr(likeness(), verb)({"y": rows})


def test_words_and_records():
    target = likeness()
    assert target.describe() == "likeness to b.png, cosine"
    assert (target.stem, target.unit, target.tensors) == ("like-b", "cosine", ("y",))
    again = target_from(target.to_dict())
    assert again.to_dict() == target.to_dict()
    assert (again.describe(), again.unit) == (target.describe(), "cosine")
