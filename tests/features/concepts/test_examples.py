"""Examples of a class: by label where there are labels, else all pictures."""

import numpy as np
import pytest
from features.small import CLASSES, opened, pixels, written

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.features.concepts.examples import classes_in, examples_of, require_common
from onnxplain.inputs.dataset import Sample


@pytest.fixture(scope="module")
def model():
    return opened()


def test_by_label_where_there_are_labels(model, tmp_path):
    samples = written(tmp_path, 7)
    target, own = examples_of(model, samples, "bee")
    assert (target.index, target.others) == (1, True)
    assert [s.label for s in own] == ["bee"] * 2
    assert classes_in(model, samples) == [0, 1, 2]
    plain = [Sample(s.name, s.path) for s in samples]
    assert examples_of(model, plain, 1)[1] == plain


def test_refusals(model, tmp_path):
    samples = [s for s in written(tmp_path, 6) if s.label != "cat"]
    with pytest.raises(UsageError, match="the data set has no picture of 'cat"):
        examples_of(model, samples, CLASSES[2])
    with pytest.raises(UsageError, match="name a class"):
        examples_of(model, samples, None)
    with pytest.raises(UsageError, match="no picture has a class: name a target with -t"):
        classes_in(model, [Sample("x", samples[0].path)])


def test_a_dense_class_is_looked_at_everywhere():
    """Where it is predicted is another place in each picture."""
    dense = opened("a = Conv(image, k1) scores = Relu(a)", labels=None)
    target, _ = examples_of(dense, [], 1)
    require_common(target)
    assert target.region == "all places"
    said = dense.network.ort.activations(dense.read(pixels(0)).x, ["scores"])["scores"][0]
    best = int(np.bincount(said.argmax(axis=0).ravel()).argmax())
    alone = dense.explain(pixels(0), "gradient", best).target
    with pytest.raises(UsageError, match="is a region of one picture; write CLASS@everywhere"):
        require_common(alone)


def test_a_box_is_refused():
    detector = onnxplain.load("models/scenes-detector.onnx")
    with pytest.raises(UsageError, match=r"boxes are found in one picture.*an element of a tensor"):
        examples_of(detector, [], detector.labels[0])
