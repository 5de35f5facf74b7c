"""Examples of a class: by label where there are labels, else all pictures."""

import pytest
from features.small import CLASSES, opened, written

from onnxplain.errors import UsageError
from onnxplain.features.concepts.examples import classes_in, examples_of
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
