"""Products, quotients, matrix products of two signals, and Softmax."""

import numpy as np
import pytest
from handmade import model, walk
from originals import difference

from onnxplain.relevance.composites import Composite, Match, RuleUse, composite

EPSILON = 0.25
SCORES = "float[N,C,H,W] scores"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(1, 3, 6, 6))


@pytest.fixture(name="R")
def relevance():
    return np.random.default_rng(1).normal(size=(1, 3, 6, 6))


def received(body, x, R, names, **weights):
    proto = model(body, weights, output="float[N,C,H,W] scores")
    found = walk(proto, x, R, composite("epsilon", epsilon=EPSILON), names=names)
    return [found.relevance[n].numpy() for n in names]


@pytest.mark.parametrize("body", ["scores = Mul(c, image)", "scores = Div(image, c)"])
def test_a_constant_factor_takes_nothing(body, x, R):
    (image,) = received(body, x, R, ("image",), c=np.array([0.5, -2.0, 3.0]).reshape(3, 1, 1))
    np.testing.assert_array_equal(image, R)


def test_a_denominator_is_held_constant(x, R):
    body = """
        a = Relu(image) b = Exp(image) m = ReduceMean<axes = [1,2,3]>(b)
        scores = Div(a, m)
    """
    numerator, denominator = received(body, x, R, ("a", "m"))
    np.testing.assert_array_equal(numerator, R)
    assert not denominator.any()


@pytest.mark.parametrize("gate", ["Sigmoid", "Tanh", "HardSigmoid", "Softmax"])
@pytest.mark.parametrize("order", ["s, g", "g, s"])
def test_a_gate_leaves_all_to_the_signal(gate, order, x, R):
    """Squeeze-and-excitation: the gate comes from elsewhere and is broadcast."""
    body = f"""
        s = Conv(image, w) p = GlobalAveragePool(image) q = Conv(p, v)
        g = {gate}(q) scores = Mul({order})
    """
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    signal, gated = received(body, x, R, ("s", "g"), w=w, v=v)
    np.testing.assert_array_equal(signal, R)
    assert not gated.any()


def test_two_signals_take_half_each_and_broadcast_ones_are_summed(x, R):
    body = """
        s = Conv(image, w) p = GlobalAveragePool(image) q = Conv(p, v) scores = Mul(s, q)
    """
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    one, other = received(body, x, R, ("s", "q"), w=w, v=v)
    np.testing.assert_allclose(one, R / 2)
    np.testing.assert_allclose(other, R.sum((2, 3), keepdims=True) / 2)


def test_a_square_hands_all_back(x, R):
    (image,) = received("scores = Mul(image, image)", x, R, ("image",))
    np.testing.assert_allclose(image, R)


def test_product_of_two_matrices(x, R):
    """AttnLRP, proposition 3.3: both factors by the epsilon rule with half of the relevance."""
    body = "a = Conv(image, w) b = Conv(image, v) scores = MatMul(a, b)"
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1)).astype(np.float32)
    left, right = received(body, x, R, ("a", "b"), w=w, v=v)
    a, b = (np.einsum("kc,nchw->nkhw", m[:, :, 0, 0].astype(float), x) for m in (w, v))
    y = a @ b
    share = R / 2 / (y + EPSILON * np.where(y < 0, -1, 1))
    assert difference(left, a * (share @ b.swapaxes(2, 3))) < 1e-12
    assert difference(right, b * (a.swapaxes(2, 3) @ share)) < 1e-12


@pytest.mark.parametrize(
    ("equation", "plain"),
    [
        ('Einsum<equation = "nchi,ncij->nchj">(a, b)', "MatMul(a, b)"),
        ('Einsum<equation = "nchi,id->nchd">(a, k)', "MatMul(a, k)"),
        ('Einsum<equation = "nchw->nhcw">(a)', "Transpose<perm = [0,2,1,3]>(a)"),
    ],
)
def test_sums_of_products_by_their_letters(equation, plain, x, R):
    weights = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    given = {"w": weights[0], "v": weights[1], "k": np.random.default_rng(3).normal(size=(6, 6))}
    read = ("a", "b") if "b)" in plain else ("a",)
    found = [
        received(
            f"a = Conv(image, w) b = Conv(image, v) scores = {text}",
            x,
            R.swapaxes(1, 2) if "perm" in plain else R,
            read,
            **{n: v for n, v in given.items() if n in "wv" or f"{n})" in text},
        )
        for text in (equation, plain)
    ]
    if "perm" in plain:  # a sum of one term is stabilized, a permutation is not
        a = np.einsum("kc,nchw->nkhw", weights[0, :, :, 0, 0].astype(np.float32), x)
        found[1][0] = found[1][0] * a / (a + EPSILON * np.where(a < 0, -1, 1))
    for ours, wanted in zip(*found, strict=True):
        assert difference(ours, wanted) < 1e-12


def test_fused_product_of_two_matrices(x, R):
    """With transposed operand and factor, as ONNX Runtime writes attention."""
    body = """
        a = Conv(image, w) b = Conv(image, v)
        scores = com.microsoft.FusedMatMul<transB = 1, alpha = 0.5>(a, b)
    """
    plain = """
        a = Conv(image, w) b = Conv(image, v) t = Transpose<perm = [0,1,3,2]>(b)
        m = MatMul(a, t) scores = Mul(m, half)
    """
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    # The factor stands in front of the stabilizer in one of them.
    fine = composite("epsilon", epsilon=1e-13)
    weights = {"w": w, "v": v, "half": np.array(0.5)}
    found, wanted = (
        walk(
            model(text, weights if "half" in text else {"w": w, "v": v}, output=SCORES),
            x,
            R,
            fine,
            names=("a", "b"),
        ).relevance
        for text in (body, plain)
    )
    for name in ("a", "b"):
        assert difference(found[name].numpy(), wanted[name].numpy()) < 1e-9
        assert found[name].abs().max() > 0.1


def test_all_of_a_product_to_the_signal_or_half_to_each(x, R):
    """CP-LRP holds attention weights constant; the uniform rule does not."""
    body = """
        a = Conv(image, w) b = Conv(image, v) p = Softmax<axis = -1>(a) scores = MatMul(p, b)
    """
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    proto = model(body, w=w, v=v, output=SCORES)

    def relevance(rule):
        rules = Composite("test", ((Match(("bilinear",)), RuleUse(rule)),), epsilon=EPSILON)
        found = walk(proto, x, R, rules, names=("p", "b")).relevance
        return found["p"].numpy(), found["b"].numpy()

    (half_p, half_b), (all_p, all_b) = relevance("halves"), relevance("signal")
    assert not all_p.any()
    np.testing.assert_allclose(all_b, 2 * half_b, rtol=1e-12)
    assert np.abs(half_p).max() > 1e-3


def test_a_gate_by_the_uniform_rule(x, R):
    """AttnLRP, proposition 3.2: half to the signal, half to its gate."""
    body = "s = Conv(image, w) q = Conv(image, v) g = Sigmoid(q) scores = Mul(s, g)"
    w, v = np.random.default_rng(2).normal(size=(2, 3, 3, 1, 1))
    rules = Composite("test", ((Match(("Mul",)), RuleUse("halves")),))
    found = walk(model(body, w=w, v=v, output=SCORES), x, R, rules, names=("s", "g")).relevance
    np.testing.assert_allclose(found["s"].numpy(), R / 2)
    np.testing.assert_allclose(found["g"].numpy(), R / 2)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_softmax(axis, x, R):
    """AttnLRP, proposition 3.1: x (R - p sum R)."""
    (image,) = received(f"scores = Softmax<axis = {axis}>(image)", x, R, ("image",))
    p = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    assert difference(image, x * (R - p * R.sum(axis, keepdims=True))) < 1e-12


def test_masked_places_of_a_softmax_receive_nothing(x, R):
    mask = np.zeros((6, 6))
    mask[:, 3:] = -np.inf
    body = "m = Add(image, mask) scores = Softmax<axis = 3>(m)"
    (masked,) = received(body, x, R, ("m",), mask=mask)
    p = np.exp(x[..., :3]) / np.exp(x[..., :3]).sum(3, keepdims=True)
    expected = x[..., :3] * (R[..., :3] - p * R.sum(3, keepdims=True))
    assert difference(masked[..., :3], expected) < 1e-12
    assert not masked[..., 3:].any()


def test_softmax_of_old_opsets_normalises_all_axes_behind():
    """Below opset 13 the default is axis 1, and everything behind it is one distribution."""
    proto = model("scores = Softmax(image)", output="float[N,C,H,W] scores", opset=12)
    x, R = np.random.default_rng(0).normal(size=(2, 1, 3, 6, 6))
    found = walk(proto, x, R, composite("epsilon")).relevance["image"].numpy()
    p = np.exp(x) / np.exp(x).sum()
    assert difference(found, x * (R - p * R.sum())) < 1e-12


def test_global_response_normalisation(x):
    """ConvNeXt V2's layer (Woo et al. 2023, arXiv:2301.00808, eq. 1-3): nothing is lost in it."""
    body = """
        a = Conv(image, w) g = ReduceL2<axes = [2,3], keepdims = 1>(a)
        m = ReduceMean<axes = [1], keepdims = 1>(g) h = Add(m, tiny) n = Div(g, h)
        b = Mul(a, n) c = Mul(b, gamma) d = Add(c, a)
        p = GlobalAveragePool(d) f = Flatten(p) scores = Gemm(f, v)
    """
    rng = np.random.default_rng(2)
    w, v, gamma = rng.normal(size=(3, 3, 1, 1)), rng.normal(size=(3, 2)), rng.normal(size=(3, 1, 1))
    proto = model(body, w=w, v=v, gamma=gamma, tiny=np.array(1e-6))
    found = walk(proto, x, np.array([[1.5, -0.5]]), composite("epsilon", epsilon=0.0),
                 names=("image", "a", "c", "g"))  # fmt: skip
    R = {k: r.numpy() for k, r in found.relevance.items()}
    assert R["image"].sum() == pytest.approx(1.0, rel=1e-12)
    # Half of what reaches the product goes by the norm, to each place by its square.
    a = np.einsum("kc,nchw->nkhw", w[:, :, 0, 0].astype(np.float32).astype(float), x)
    norm = np.sqrt((a**2).sum((2, 3), keepdims=True))
    shares = a**2 / norm**2 * R["g"]
    np.testing.assert_allclose(R["g"], R["c"].sum((2, 3), keepdims=True) / 2, rtol=1e-12)
    response = norm / (norm.mean(1, keepdims=True) + np.float32(1e-6))
    c = a * response * gamma.astype(np.float32)
    direct = a / (c + a) * (R["c"] * (c + a) / c)
    np.testing.assert_allclose(R["a"], shares + R["c"] / 2 + direct, rtol=1e-9)
