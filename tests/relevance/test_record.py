"""The recorded forward pass: values, graphs of single steps, and steps left out."""

import numpy as np
import torch
from handmade import model

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.record import record_steps

BODY = "a = Relu(image) k = Neg(w) b = Mul(a, k) c = Exp(b) scores = Mul(c, b) rest = Neg(b)"


def recorded(**changes):
    w = np.random.default_rng(0).normal(size=(3, 6, 6))
    graph = prepare(model(BODY, w=w, output="float[N,C,H,W] scores"))
    program = to_torch(graph, double=True)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 6, 6)))
    options = {
        "fixed": program.fixed_values(),
        "needed": graph.ancestors("scores"),
        "dynamic": graph.descendants(["image"]),
        "own_pass": set(),
    }
    return x, w.astype(np.float32), record_steps(program, {"image": x}, **{**options, **changes})


def test_values_and_which_steps_carry_the_signal():
    x, w, (values, records) = recorded()
    b = np.maximum(x.numpy(), 0) * -w
    np.testing.assert_allclose(values["scores"].numpy(), np.exp(b) * b, rtol=1e-12)
    assert not any(value.requires_grad for value in values.values())
    assert list(records) == ["a", "b", "c", "scores"]
    assert "rest" not in values


def test_each_step_has_a_graph_of_its_own():
    _, _, (values, records) = recorded()
    product = records["scores"]
    leaves = product.leaves()
    assert list(leaves) == [0, 1]
    one = torch.autograd.grad(product.outputs[0].sum(), list(leaves.values()))
    # The derivative of c * b by c and b, as if c did not depend on b.
    torch.testing.assert_close(one[0], values["b"])
    torch.testing.assert_close(one[1], values["c"])


def test_a_constant_operand_is_no_leaf():
    _, _, (_, records) = recorded()
    assert list(records["b"].leaves()) == [0]


def test_steps_with_passes_of_their_own_have_no_graph():
    _, _, (values, records) = recorded(own_pass={"c"})
    assert "c" not in records
    assert list(records) == ["a", "b", "scores"]
    torch.testing.assert_close(values["c"], values["b"].exp())
