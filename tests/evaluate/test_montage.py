"""Four pictures in one: what is where, and who finds it."""

from pathlib import Path

import numpy as np
import pytest

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.montage import montages
from onnxplain.evaluate.run import evaluate
from onnxplain.inputs.dataset import Sample, read_dataset

PLAN = Plan({}, ("grid-pointing",))


@pytest.fixture(scope="module")
def model():
    return onnxplain.load("models/flowers-gap.onnx")


@pytest.fixture(scope="module")
def samples():
    return [
        Sample(p.name, p, p.stem.rsplit("-", 1)[0])
        for p in sorted(Path("examples/flowers").glob("*.png"))
    ]


def test_each_cell_holds_its_picture_at_half_size(model, samples):
    seen = list(montages(model, samples, PLAN, []))
    assert len(seen) == 12
    assert len({s.sample.path for s in seen}) == 12
    for k in range(0, 12, 4):
        group = seen[k : k + 4]
        assert len({s.target.index for s in group}) == 4
        np.testing.assert_array_equal(sum(s.mask.astype(int) for s in group), 1)
    for one in seen[:4]:
        alone = model.read(one.sample.path).pixels.astype(float)
        half = alone.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        cell = one.picture.pixels[one.mask].reshape(64, 64, 3)
        np.testing.assert_array_equal(cell, np.round(half))
        assert one.target.index == one.label


def test_chance_is_a_quarter_and_a_method_does_better(model, samples):
    plan = Plan({"lrp": {}, "grad-cam": {}}, ("grid-pointing",))
    found = {entry.method: entry for entry in evaluate(model, samples, plan).summary()}
    assert found["random"].mean == pytest.approx(0.25, abs=0.01)
    assert found["centre"].mean == pytest.approx(0.25, abs=0.01)
    assert found["saturation"].mean == pytest.approx(0.25, abs=0.03)  # one map for four classes
    assert found["edges"].mean == pytest.approx(0.25, abs=0.03)
    assert found["lrp"].low > 0.35
    assert found["grad-cam"].low > 0.35
    assert found["lrp"].count == 12


def test_pictures_without_labels_have_their_prediction_for_a_class(model, samples):
    bare = [Sample(s.name, s.path) for s in samples]
    for labelled, found in zip(
        montages(model, samples, PLAN, []), montages(model, bare, PLAN, []), strict=True
    ):
        assert labelled.target == found.target


def test_odd_sizes_lose_a_row(model):
    from onnxplain.evaluate.montage import _arranged

    pictures = [np.full((9, 7, 1), k, np.uint8) for k in (10, 20, 30, 40)]
    montage, cells = _arranged(pictures)
    assert montage.shape == (9, 7, 1)
    assert [montage[c].tolist() for c in cells] == [[[v]] * 12 for v in (10, 20, 30, 40)]
    assert not montage[8].any()
    assert not montage[:, 6].any()


def test_fewer_than_four_classes_are_refused():
    model = onnxplain.load("models/digits-gap.onnx")
    few = read_dataset("examples/digits")[:3]
    with pytest.raises(UsageError, match="needs pictures of 4 classes"):
        evaluate(model, few, PLAN)
