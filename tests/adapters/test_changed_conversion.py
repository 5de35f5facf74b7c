"""A conversion that computes something else is refused on the picture itself."""

import graphs
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import onnxplain
from onnxplain.adapters import converted
from onnxplain.adapters.parity import TOLERANCE
from onnxplain.errors import ParityError
from onnxplain.graph.view import Graph

PICTURE = np.random.default_rng(0).integers(0, 256, (graphs.SIDE, graphs.SIDE, 3), np.uint8)
WEIGHTS = ("w1", "w2", "w3")


@pytest.fixture
def opened(monkeypatch):
    """Open the classifier with a conversion whose weight `name` is multiplied by `factor`."""
    to_torch = converted.to_torch

    def open_changed(name, factor, engine="pytorch"):
        def changed(graph, **options):
            model = onnx.ModelProto()
            model.CopyFrom(graph.model)
            for tensor in model.graph.initializer:
                if tensor.name == name:
                    values = numpy_helper.to_array(tensor) * np.float32(factor)
                    tensor.CopyFrom(numpy_helper.from_array(values, name))
            return to_torch(Graph(model, graph.origin), **options)

        monkeypatch.setattr(converted, "to_torch", changed)
        return onnxplain.load(
            graphs.classifier(final="Softmax"), preprocess="minus-one-one", engine=engine
        )

    return open_changed


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("factor", [1.01, 0.99, np.nan])
@pytest.mark.parametrize("method", ["gradient", "grad-cam", "lrp"])
def test_one_percent_of_a_weight_is_refused(opened, name, factor, method):
    with pytest.raises(ParityError, match="disagree at tensor 'logits'") as caught:
        opened(name, factor).explain(PICTURE, method)
    assert "\n" not in str(caught.value)
    assert "--allow-mismatch" in str(caught.value)


@pytest.mark.parametrize("name", WEIGHTS)
def test_rounding_is_not(opened, name):
    found = opened(name, 1 + 1e-6).explain(PICTURE, "gradient")
    assert 0 < found.measures["parity_error"] < TOLERANCE


def test_whoever_insists_gets_it_and_the_record_says_so(opened):
    model = opened("w1", 1.01)
    found = model.explain(PICTURE, "gradient", allow_mismatch=True)
    assert found.measures["parity_error"] > TOLERANCE
    assert found.attribution.any()


@pytest.mark.parametrize("method", ["cam", "occlusion"])
def test_methods_without_the_conversion_are_not_concerned(opened, method):
    changed = opened("w1", 1.01).explain(PICTURE, method)
    plain = opened("w1", 1.0).explain(PICTURE, method)
    assert np.ptp(plain.attribution) > 0
    np.testing.assert_array_equal(changed.attribution, plain.attribution)
    assert "parity_error" not in changed.measures
