"""Chains of exporters run as one operation: same values, same derivatives, only where allowed."""

import numpy as np
import pytest
import torch
from handmade import model

from onnxplain.convert import to_torch
from onnxplain.convert.fusion import fuse
from onnxplain.graph.prepare import prepare

OUTPUT = "float[N,A,B,C] scores"
ROOT, CUBE = np.array(np.sqrt(0.5)), "c = Mul(image, image) d = Mul(image, c) "
CONSTANTS = {
    "one": np.array(1.0), "half": np.array(0.5), "root": np.array(np.sqrt(2)), "inverse": ROOT,
    "two": np.array(2.0), "three": np.array(3.0), "cubic": np.array(0.044715),
    "outer": np.array(np.sqrt(2 / np.pi)), "epsilon": np.array(1e-5),
    "gamma": np.linspace(0.5, 1.5, 6), "beta": np.linspace(-1, 1, 6),
}  # fmt: skip
ERF = "a = Div(image, root) e = Erf(a) p = Add(e, one) "
TANH = "s = Mul(d, cubic) t = Add(image, s) u = Mul(t, outer) e = Tanh(u) p = Add(one, e) "
CENTRED = "m = ReduceMean<axes = [-1]>(image) d = Sub(image, m) "
SPREAD = "v = ReduceMean<axes = [-1]>(q) w = Add(v, epsilon) r = Sqrt(w) "
FUSED = {
    "silu": "g = Sigmoid(image) scores = Mul(image, g)",
    "silu, turned": "g = Sigmoid(image) scores = Mul(g, image)",
    "gelu of torch": ERF + "m = Mul(image, p) scores = Mul(m, half)",
    "gelu, halved first": ERF + "m = Mul(image, half) scores = Mul(m, p)",
    "gelu, gate halved": ERF + "m = Mul(half, p) scores = Mul(image, m)",
    "gelu by a product": "a = Mul(inverse, image) e = Erf(a) p = Add(one, e) "
    "m = Mul(p, image) scores = Div(m, two)",
    "gelu by tanh": CUBE + TANH + "m = Mul(image, p) scores = Mul(m, half)",
    "gelu by tanh and a power": "d = Pow(image, three) " + TANH
    + "m = Mul(half, image) scores = Mul(m, p)",
    "layer norm": CENTRED + "q = Pow(d, two) " + SPREAD + "scores = Div(d, r)",
    "layer norm by a product": CENTRED + "q = Mul(d, d) " + SPREAD + "scores = Div(d, r)",
}  # fmt: skip
APART = {
    "a gate of another tensor": "n = Neg(image) g = Sigmoid(n) scores = Mul(image, g)",
    "another factor": ERF + "m = Mul(image, p) scores = Mul(m, two)",
    "no factor": ERF + "scores = Mul(image, p)",
    "another scale": "a = Div(image, two) e = Erf(a) p = Add(e, one) m = Mul(image, p) "
    "scores = Mul(m, half)",
    "another shift": "a = Div(image, root) e = Erf(a) p = Add(e, two) m = Mul(image, p) "
    "scores = Mul(m, half)",
    "another cubic part": CUBE + TANH.replace("cubic", "half")
    + "m = Mul(image, p) scores = Mul(m, half)",
    "another axis": CENTRED.replace("-1", "2") + "q = Pow(d, two) " + SPREAD
    + "scores = Div(d, r)",
    "another power": CENTRED + "q = Pow(d, three) b = Abs(q) "
    + SPREAD.replace("(q)", "(b)") + "scores = Div(d, r)",
    "the variance of another tensor": CENTRED + "q = Pow(image, two) " + SPREAD
    + "scores = Div(d, r)",
    "a step read elsewhere": "g = Sigmoid(image) s = Mul(image, g) scores = Add(s, g)",
    "a vector of factors": ERF.replace("one", "beta") + "m = Mul(image, p) scores = Mul(m, half)",
}  # fmt: skip


def program_of(body, **options):
    used = {n: v for n, v in CONSTANTS.items() if n in body}
    return to_torch(prepare(model(body, used, output=OUTPUT)), **options)


def run(program, x, names=("scores",)):
    leaf = torch.from_numpy(x).requires_grad_()
    values = program.run({"image": leaf}, names)
    signal = torch.from_numpy(np.random.default_rng(1).normal(size=x.shape).astype(x.dtype))
    (slope,) = torch.autograd.grad(values["scores"], leaf, signal)
    return values["scores"].detach().double(), slope.double()


def images():
    x = np.random.default_rng(0).normal(scale=2, size=(2, 3, 6, 6)).astype(np.float32)
    x[0, 0, 0] = [0, -30, 30, 1e-4, -1e-4, 5]
    return x


@pytest.mark.parametrize("body", FUSED.values(), ids=FUSED)
def test_a_chain_becomes_one_step_with_the_same_values_and_derivatives(body):
    program = program_of(body)
    assert len(fuse(program.steps, {"scores"}, program.constants())) == 1
    x = images()
    for ours, exact in zip(
        run(program, x), run(program_of(body, double=True), x.astype(np.float64)), strict=True
    ):
        noise = 32 * np.finfo(np.float32).eps * float(exact.abs().max())
        torch.testing.assert_close(ours, exact, rtol=0, atol=noise)


@pytest.mark.parametrize("body", APART.values(), ids=APART)
def test_what_only_resembles_a_chain_stays_as_it_is(body):
    program = program_of(body)
    assert fuse(program.steps, {"scores"}, program.constants()) == list(program.steps)


def test_parts_of_a_larger_graph_are_found():
    body = ERF + "m = Mul(image, p) s = Mul(m, half) n = Neg(s) g = Sigmoid(n) scores = Mul(n, g)"
    program = program_of(body)
    steps = fuse(program.steps, {"scores"}, program.constants())
    assert [step.outputs for step in steps] == [("s",), ("n",), ("scores",)]


@pytest.mark.parametrize("name", ["a", "e", "p", "m"])
def test_a_tensor_inside_that_is_asked_for_is_there(name):
    program, x = program_of(FUSED["gelu of torch"]), torch.from_numpy(images())
    exact = program_of(FUSED["gelu of torch"], double=True)
    found = program.run({"image": x}, ["scores", name])
    expected = exact.run({"image": x.double()}, ["scores", name])
    for n in found:
        torch.testing.assert_close(found[n].double(), expected[n], rtol=1e-5, atol=1e-6)


def test_a_tensor_inside_may_be_given():
    program, x = program_of(FUSED["gelu of torch"]), torch.from_numpy(images())
    given = torch.full_like(x, 3.0)
    found = program.run({"image": x, "p": given}, ["scores"])["scores"]
    torch.testing.assert_close(found, x * 1.5)


def test_a_constant_may_be_given_another_value():
    program, x = program_of(FUSED["gelu of torch"]), torch.from_numpy(images())
    found = program.run({"image": x, "half": torch.tensor(0.25)}, ["scores"])["scores"]
    torch.testing.assert_close(found, program.run({"image": x}, ["scores"])["scores"] / 2)


def test_float64_computes_the_graph_as_it_is_written():
    program, x = program_of(FUSED["gelu of torch"], double=True), torch.from_numpy(images())
    found = program.run({"image": x.double()}, ["scores"])["scores"]
    root = float(np.float32(np.sqrt(2)))
    expected = x.double() * (torch.erf(x.double() / root) + 1) * 0.5
    torch.testing.assert_close(found, expected, rtol=1e-15, atol=1e-15)
