"""Gradients in float64 against finite differences."""

import numpy as np
import pytest
import torch
from onnx.helper import make_node as node

from onnxplain.convert import to_torch
from onnxplain.graph.view import Graph
from tests.convert.forms import noise, positive
from tests.convert.oracle import make_model
from tests.convert.test_versions import FORMS, build, promised

# Piecewise constant, or without floating inputs: there is no gradient to compare.
WITHOUT_GRADIENT = {
    "And", "ArgMax", "ArgMin", "BitCast", "BitShift", "BitwiseAnd",
    "BitwiseNot", "BitwiseOr", "BitwiseXor",
    "Ceil", "ConstantOfShape", "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "Equal",
    "EyeLike", "Floor", "Greater", "GreaterOrEqual", "Hardmax", "IsInf", "IsNaN", "Less",
    "LessOrEqual", "MatMulInteger", "NonZero", "Not", "OneHot", "Or", "QLinearConv",
    "QLinearMatMul", "NonMaxSuppression", "QuantizeLinear", "Range", "Round", "Shape", "Sign",
    "Size", "Xor",
}  # fmt: skip


def version_of(form):
    """The newest version in which the form is written that way."""
    versions = [v for op, v in promised() if op == form.op_type]
    return max(v for v in versions if form.since <= v <= form.until)


def differentiable(form):
    to_integer = form.op_type in ("Cast", "CastLike") and form.attributes.get("to") != 1
    plain = all(np.isfinite(a).all() for a in form.inputs if a is not None)
    first = form.inputs[0] if form.inputs else None
    floating = first is not None and first.dtype == np.float32 and first.size
    return plain and floating and not to_integer and form.op_type not in WITHOUT_GRADIENT


def directional(function, x, direction, step=1e-6):
    with torch.no_grad():
        return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(form, id=f"{form.op_type}-{i}")
        for i, form in enumerate(FORMS)
        if differentiable(form)
    ],
)
def test_a_gradient_agrees_with_finite_differences(form):
    model, feeds = build(form, version_of(form))
    program = to_torch(Graph(model), double=True)
    fixed = {n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}
    name = "in0"
    generator = torch.Generator().manual_seed(0)
    # Away from ties and kinks, which the round numbers of a form may sit on.
    start = fixed[name].double()
    x = start + 1e-3 * torch.rand(start.shape, generator=generator, dtype=torch.float64)
    direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)

    def score(value):
        outputs = program.run({**fixed, name: value}, [o.name for o in model.graph.output])
        return sum(
            (t * torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype).reshape(t.shape)).sum()
            for t in outputs.values()
            if t.dtype == torch.float64
        )

    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    slope = directional(score, x, direction)
    assert gradient.abs().max() > 0
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("double", [True, False])
def test_the_gradient_of_batch_normalisation_before_tokens_is_right(batch, double):
    """The kernel of PyTorch's own layer is wrong here for one sample in some releases."""
    vectors = [positive(8, seed=1), noise(8, seed=2), noise(8, seed=3), positive(8, seed=4)]
    nodes = [
        node("BatchNormalization", ["x", "g", "b", "m", "v"], ["n"]),
        node("Reshape", ["n", "shape"], ["r"]),
        node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["t", "w"], ["y"]),
    ]
    constants = dict(zip("gbmv", vectors, strict=True))
    constants |= {"w": noise(8, 5), "shape": np.array([0, 0, -1])}
    x = noise(batch, 8, 6, 6)
    model = make_model(nodes, {"x": x}, ["y"], constants, opset=15)
    program = to_torch(Graph(model), double=double)
    leaf = torch.from_numpy(x).requires_grad_()
    (program.run({"x": leaf}, ["y"])["y"] ** 2).sum().backward()

    g, b, m, v = (torch.from_numpy(a).double()[:, None] for a in vectors)
    weights = torch.from_numpy(constants["w"]).double()
    tokens = ((torch.from_numpy(x).double().flatten(2) - m) / (v + 1e-5).sqrt() * g + b).mT
    by_hand = (2 * tokens @ weights @ weights.T).mT * g / (v + 1e-5).sqrt()
    torch.testing.assert_close(
        leaf.grad.double(), by_hand.reshape(x.shape), rtol=1e-4, atol=1e-3 if not double else 1e-8
    )


def test_clip_passes_the_gradient_at_its_bounds():
    clip = node("Clip", ["x", "low", "high"], ["y"])
    x = np.array([-1, 0, 0.5, 1, 2], np.float32)
    bounds = {"low": np.float32(0), "high": np.float32(1)}
    program = to_torch(Graph(make_model([clip], {"x": x}, ["y"], bounds)))
    leaf = torch.from_numpy(x).requires_grad_()
    program.run({"x": leaf}, ["y"])["y"].sum().backward()
    assert leaf.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("op_type", "value"), [("ReduceL2", 0.0), ("LpNormalization", 0.0), ("Relu", 0.0)]
)
def test_a_gradient_is_finite_where_the_function_has_a_kink(op_type, value):
    x = np.full((1, 4), value, np.float32)
    program = to_torch(Graph(make_model([node(op_type, ["x"], ["y"])], {"x": x}, ["y"])))
    leaf = torch.from_numpy(x).requires_grad_()
    program.run({"x": leaf}, ["y"])["y"].sum().backward()
    assert leaf.grad.isfinite().all()


def test_a_query_that_attends_to_nothing_has_a_gradient_of_zero():
    q, k = noise(1, 1, 2, 4), noise(1, 1, 3, 4, seed=1)
    mask = np.array([[True, False, True], [False, False, False]])
    attention = node("Attention", ["q", "k", "k", "mask"], ["y"])
    model = make_model([attention], {"q": q, "k": k}, ["y"], {"mask": mask}, opset=23)
    leaf = torch.from_numpy(q).requires_grad_()
    y = to_torch(Graph(model)).run({"q": leaf, "k": torch.from_numpy(k)}, ["y"])["y"]
    y.sum().backward()
    assert (y[0, 0, 1] == 0).all()
    assert (leaf.grad[0, 0, 1] == 0).all()
    assert leaf.grad[0, 0, 0].abs().max() > 0
