"""The choices of the static quantiser: types, symmetry, granularity, formats."""

import onnx
import pytest
import torch
from onnxruntime.quantization import QuantFormat, QuantType

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from tests.convert.quantised_networks import (
    DIGITS,
    digits,
    each_node_is_within_one_step,
    static,
    steps_apart,
)

S8, U8, S16, U16 = QuantType.QInt8, QuantType.QUInt8, QuantType.QInt16, QuantType.QUInt16
QDQ, OPERATORS = QuantFormat.QDQ, QuantFormat.QOperator
VARIANTS = {
    "signed activations and weights": (QDQ, {"activation_type": S8}),
    "signed, symmetric, one scale for all": (
        QDQ,
        {
            "activation_type": S8,
            "per_channel": False,
            "extra_options": {"ActivationSymmetric": True},
        },
    ),
    "unsigned activations and weights": (QDQ, {"weight_type": U8, "per_channel": False}),
    "unsigned weights per channel": (QDQ, {"weight_type": U8}),
    "asymmetric signed weights": (QDQ, {"extra_options": {"WeightSymmetric": False}}),
    "weights of seven bits": (QDQ, {"reduce_range": True}),
    "unsigned activations of 16 bits": (QDQ, {"activation_type": U16}),
    "signed activations of 16 bits": (QDQ, {"activation_type": S16}),
    "weights of 16 bits": (QDQ, {"activation_type": U16, "weight_type": S16}),
    "signed weights of 4 bits": (QDQ, {"weight_type": QuantType.QInt4}),
    "unsigned weights of 4 bits": (QDQ, {"weight_type": QuantType.QUInt4, "per_channel": False}),
    "integer operators, signed": (OPERATORS, {"activation_type": S8}),
    "integer operators, unsigned": (OPERATORS, {"weight_type": U8, "per_channel": False}),
    "integer operators, one scale for all": (OPERATORS, {"per_channel": False}),
}


@pytest.fixture(scope="module", params=VARIANTS)
def graph(request, tmp_path_factory):
    form, settings = VARIANTS[request.param]
    path = tmp_path_factory.mktemp("variant") / "model.onnx"
    static(path, form, **settings)
    return prepare(onnx.load(path))


def test_every_node_and_the_scores_are_within_one_step(graph):
    assert each_node_is_within_one_step(graph, digits(3, 0)) >= 2
    assert steps_apart(graph, [digits(1, seed) for seed in range(100, 106)]) <= 1


@pytest.mark.parametrize(
    ("variant", "types"),
    [
        ("signed activations and weights", {"INT8"}),
        ("unsigned activations of 16 bits", {"UINT16", "INT8"}),
        ("weights of 16 bits", {"UINT16", "INT16"}),
        ("signed weights of 4 bits", {"UINT8", "INT4"}),
        ("unsigned weights of 4 bits", {"UINT8", "UINT4"}),
        ("integer operators, unsigned", {"UINT8"}),
    ],
)
def test_the_file_holds_what_the_variant_says(variant, types, tmp_path):
    form, settings = VARIANTS[variant]
    static(tmp_path / "model.onnx", form, **settings)
    stored = onnx.load(tmp_path / "model.onnx").graph.initializer
    names = {onnx.TensorProto.DataType.Name(i.data_type) for i in stored}
    assert names - {"FLOAT", "INT32", "INT64"} == types


def test_the_gradient_follows_the_network_it_came_from(graph):
    gradients = []
    for each in (prepare(onnx.load(DIGITS)), graph):
        logits = next(n for n in each.nodes if n.op_type.endswith("Softmax")).inputs[0]
        x = torch.from_numpy(digits(1, 5)).requires_grad_()
        scores = to_torch(each).run({"image": x}, [logits])[logits]
        scores[0, 0].backward()
        gradients.append(x.grad.flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.9
