"""From graph to program: the numbers of NumPy, and every refusal at once."""

import numpy as np
import pytest
import torch
from handmade import model

from onnxplain.convert.conversion import convert
from onnxplain.errors import ConversionError
from onnxplain.graph.prepare import prepare

W = np.random.default_rng(0).integers(-3, 4, (108, 2)).astype(np.float64)
ENDING = "f = Flatten(y) scores = MatMul(f, w)"


def test_a_program_computes_what_numpy_computes():
    program = convert(prepare(model(f"y = Relu(image) {ENDING}", w=W)), double=True)
    x = np.random.default_rng(1).integers(-3, 4, (2, 3, 6, 6)).astype(np.float64)
    found = program.run({"image": torch.from_numpy(x)}, ["scores"])["scores"]
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), np.maximum(x, 0).reshape(2, -1) @ W)
    assert not program.training
    assert list(program.constants()) == ["w"]


def test_a_step_for_each_node_with_its_own_names():
    graph = prepare(model(f"a = Neg(image) y = Clip(a, low) {ENDING}", w=W, low=np.array(0.0)))
    program = convert(graph)
    assert [s.node for s in program.steps] == list(graph.nodes)
    assert [s.inputs for s in program.steps] == [n.inputs for n in graph.nodes]
    assert [s.outputs for s in program.steps] == [n.outputs for n in graph.nodes]


def test_all_missing_operators_are_named_with_advice():
    body = """
        s = SequenceConstruct(image) i = Constant<value_int: int = 0>() y = SequenceAt(s, i)
    """
    with pytest.raises(ConversionError) as caught:
        convert(prepare(model(body + ENDING, w=W)))
    said = str(caught.value)
    assert "SequenceAt-11 (1 node, first: tensor 'y')" in said
    assert "SequenceConstruct-11 (1 node, first: tensor 's')" in said
    assert "docs/extending.md" in said
    assert "occlusion" in said


def test_batch_normalisation_of_pictures_that_still_trains_is_refused():
    body = f"y, m2, v2 = BatchNormalization<training_mode = 1>(image, g, g, g, g) {ENDING}"
    proto = model(body, w=W, g=np.ones(3), opset=15)
    with pytest.raises(ConversionError, match="batch normalisation in training mode") as caught:
        convert(prepare(proto))
    assert str(caught.value).count("still work on this file") == 1
