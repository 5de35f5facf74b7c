"""One vector for each input: every form against NumPy and the file's own output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from forms_of_answers import BATCH, VECTOR, constants, file_says, model, opened, pictures, values
from scipy.special import expit, softmax

Array = np.ndarray
TIGHT = {"rtol": 1e-12, "atol": 1e-14}


@dataclass
class Form:
    """A graph behind the flattened picture `f`, and what is true of its output.

    `probability` and `logit` get the first output of the file and numbers by name: the product
    of the flattened picture with each of the weights.
    """

    name: str
    body: str
    columns: int | None
    task: str
    shape: tuple[int, ...]
    probability: Callable[[Array, dict[str, Array]], Array] | None = None
    logit: Callable[[Array, dict[str, Array]], Array] | None = None
    raw: Callable[[Array, dict[str, Array]], Array] = lambda out, z: out.reshape(len(out), -1)
    opset: int = 17
    extra: dict[str, Array] = field(default_factory=dict)
    dtype: str = "double"


def same(out: Array, z: dict[str, Array]) -> Array:
    return out.reshape(len(out), -1)


def of(weights: str, scale: float = 1.0) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: scale * z[weights]


def columns(weights: str, *wanted: int) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: z[weights][:, list(wanted)]


def joined(*weights: str) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: np.concatenate([z[w] for w in weights], axis=1)


def soft(weights: str) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: softmax(z[weights], axis=1)


Z4, Z1 = "z = MatMul(f, w4) ", "z = MatMul(f, w1) "
SIGMOID_SHAPES = {"sh": np.array([-1, 2, 2]), "flat": np.array([-1, 4]), "sh2": np.array([-1, 2])}
FORMS = [
    Form("softmax", Z4 + "out = Softmax<axis=1>(z)", 4, "classes", (4,), same, of("w4")),
    Form(
        "softmax-default-11", Z4 + "out = Softmax(z)", 4, "classes", (4,), same, of("w4"), opset=11
    ),
    Form(
        "softmax-default-13", Z4 + "out = Softmax(z)", 4, "classes", (4,), same, of("w4"), opset=13
    ),
    Form(
        "temperature",
        Z4 + "t = Div(z, two) out = Softmax<axis=1>(t)",
        4,
        "classes",
        (4,),
        same,
        of("w4", 0.5),
    ),
    Form("sigmoids", Z4 + "out = Sigmoid(z)", 4, "labels", (4,), same, of("w4")),
    Form("yes-no", Z1 + "out = Sigmoid(z)", 1, "yes-no", (1,), same, of("w1")),
    Form(
        "yes-no-squeezed",
        Z1 + "s = Sigmoid(z) out = Squeeze(s, l1)",
        None,
        "yes-no",
        (1,),
        same,
        of("w1"),
    ),
    Form(
        "yes-no-squeezed-before",
        Z1 + "s = Squeeze(z, l1) out = Sigmoid(s)",
        None,
        "yes-no",
        (1,),
        same,
        of("w1"),
    ),
    Form(
        "one-minus", Z1 + "s = Sigmoid(z) out = Sub(one, s)", 1, "yes-no", (1,), same, of("w1", -1)
    ),
    Form(
        "one-minus-added",
        Z1 + "s = Sigmoid(z) n = Neg(s) out = Add(n, one)",
        1,
        "yes-no",
        (1,),
        same,
        of("w1", -1),
    ),
    Form(
        "no-and-yes",
        Z1 + "s = Sigmoid(z) t = Sub(one, s) out = Concat<axis=1>(t, s)",
        2,
        "classes",
        (2,),
        same,
        lambda out, z: np.concatenate([-z["w1"], z["w1"]], axis=1),
    ),
    Form(
        "yes-and-no",
        Z1 + "s = Sigmoid(z) t = Sub(one, s) out = Concat<axis=1>(s, t)",
        2,
        "classes",
        (2,),
        same,
        lambda out, z: np.concatenate([z["w1"], -z["w1"]], axis=1),
    ),
    Form(
        "joined-sigmoids",
        "a = MatMul(f, w1) b = MatMul(f, v4) s = Sigmoid(a) t = Sigmoid(b) "
        "out = Concat<axis=1>(s, t)",
        5,
        "labels",
        (5,),
        same,
        joined("w1", "v4"),
    ),
    Form(
        "joined-softmaxes",
        "a = MatMul(f, w2) b = MatMul(f, w3) s = Softmax<axis=1>(a) t = Softmax<axis=1>(b) "
        "out = Concat<axis=1>(s, t)",
        5,
        "labels",
        (5,),
        same,
        joined("w2", "w3"),
    ),
    Form(
        "pairs",
        Z4 + "r = Reshape(z, sh) s = Softmax<axis=2>(r) out = Reshape(s, flat)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
        extra=SIGMOID_SHAPES,
    ),
    Form(
        "pairs-in-the-batch",
        Z4 + "r = Reshape(z, sh2) s = Softmax<axis=1>(r) out = Reshape(s, flat)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
        extra=SIGMOID_SHAPES,
    ),
    Form("clip", Z4 + "s = Sigmoid(z) out = Clip(s, zero, one)", 4, "labels", (4,), same, of("w4")),
    Form(
        "min-max",
        Z4 + "s = Sigmoid(z) t = Max(s, zero) out = Min(one, t)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "background-off",
        Z4 + "s = Softmax<axis=1>(z) out = Slice(s, l1, l4, l1)",
        3,
        "classes",
        (3,),
        same,
        columns("w4", 1, 2, 3),
    ),
    Form(
        "order-changed",
        Z4 + "s = Sigmoid(z) out = Gather<axis=1>(s, l3120)",
        3,
        "labels",
        (3,),
        same,
        columns("w4", 3, 1, 0),
        extra={"l3120": np.array([3, 1, 0])},
    ),
    Form(
        "second-of-two",
        "z = MatMul(f, w2) s = Softmax<axis=1>(z) out = Slice(s, l1, l2, l1)",
        1,
        "classes",
        (2,),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        of("w2"),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
    ),
    Form(
        "second-of-two-split",
        "z = MatMul(f, w2) s = Softmax<axis=1>(z) a, out = Split<axis=1>(s, l11)",
        1,
        "classes",
        (2,),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        of("w2"),
        lambda out, z: np.concatenate([1 - out, out], axis=1),
        extra={"l11": np.array([1, 1])},
    ),
    Form(
        "one-of-four",
        Z4 + "s = Softmax<axis=1>(z) out = Gather<axis=1>(s, l2)",
        1,
        "yes-no",
        (1,),
        same,
    ),
    Form(
        "percent",
        Z4 + "s = Softmax<axis=1>(z) out = Mul(hundred, s)",
        4,
        "classes",
        (4,),
        lambda out, z: out / 100,
        of("w4"),
    ),
    Form(
        "rounded-percent",
        Z4 + "s = Softmax<axis=1>(z) p = Mul(s, hundred) r = Round(p) out = Div(r, hundred)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "log-softmax", Z4 + "out = LogSoftmax<axis=1>(z)", 4, "classes", (4,), soft("w4"), of("w4")
    ),
    Form(
        "minus-log-softmax",
        Z4 + "s = LogSoftmax<axis=1>(z) out = Neg(s)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "log-of-softmax",
        Z4 + "s = Softmax<axis=1>(z) out = Log(s)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "exp-of-log-softmax",
        Z4 + "s = LogSoftmax<axis=1>(z) out = Exp(s)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "softmax-twice",
        Z4 + "s = Softmax<axis=1>(z) out = Softmax<axis=1>(s)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid",
        Z4 + "n = Neg(z) e = Exp(n) p = Add(one, e) out = Div(one, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-reciprocal",
        Z4 + "n = Mul(z, minus) e = Exp(n) p = Add(e, one) out = Reciprocal(p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-quotient",
        Z4 + "e = Exp(z) p = Add(e, one) out = Div(e, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-sigmoid-tanh",
        Z4 + "n = Mul(z, half) e = Tanh(n) p = Mul(e, half) out = Add(half, p)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-softmax",
        Z4 + "m = ReduceMax<axes=[1]>(z) d0 = Sub(z, m) e = Exp(d0) q = ReduceSum(e, l1) "
        "out = Div(e, q)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "written-log-softmax",
        Z4 + "e = Exp(z) q = ReduceSum(e, l1) g = Log(q) out = Sub(z, g)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "log-sum-exp",
        Z4 + "g = ReduceLogSumExp<axes=[1]>(z) out = Sub(z, g)",
        4,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
    ),
    Form(
        "written-hard-sigmoid",
        Z4 + "a = Add(z, three) c = Clip(a, zero, six) out = Div(c, six)",
        4,
        "labels",
        (4,),
        same,
        of("w4"),
    ),
    Form(
        "average",
        Z4 + "y = MatMul(f, v4) s = Sigmoid(z) t = Sigmoid(y) u = Add(s, t) out = Div(u, two)",
        4,
        "labels",
        (4,),
        same,
    ),
    Form(
        "mean-of-softmaxes",
        Z4 + "y = MatMul(f, v4) a = Softmax<axis=1>(z) b = Softmax<axis=1>(y) "
        "s = Cast<to=1>(a) t = Cast<to=1>(b) out = Mean(s, t)",
        4,
        "classes",
        (4,),
        same,
        dtype="float",
    ),
    Form(
        "hard-sigmoid",
        Z4 + "y = Cast<to=1>(z) h = HardSigmoid(y) out = Cast<to=11>(h)",
        4,
        "labels",
        (4,),
        same,
        lambda out, z: z["w4"].astype(np.float32),
    ),
    Form(
        "sum-of-softmaxes",
        Z4 + "y = MatMul(f, v4) s = Softmax<axis=1>(z) t = Softmax<axis=1>(y) out = Sum(s, t)",
        4,
        "classes",
        (4,),
        lambda out, z: out / 2,
    ),
    Form(
        "stacked-crops",
        Z4 + "y = MatMul(f, v4) s = Softmax<axis=1>(z) t = Softmax<axis=1>(y) "
        "a = Unsqueeze(s, l0) b = Unsqueeze(t, l0) c = Concat<axis=0>(a, b) "
        "out = ReduceMean<axes=[0], keepdims=0>(c)",
        4,
        "classes",
        (4,),
        same,
    ),
    Form(
        "product",
        Z4 + "y = MatMul(f, v1) s = Softmax<axis=1>(z) t = Sigmoid(y) out = Mul(s, t)",
        4,
        "labels",
        (4,),
        same,
    ),
    Form(
        "top-k",
        Z4 + "s = Softmax<axis=1>(z) out, ranks = TopK(s, l2)",
        2,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "best-score",
        Z4 + "s = Softmax<axis=1>(z) out = ReduceMax<axes=[1]>(s)",
        1,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "label",
        Z4 + "s = Softmax<axis=1>(z) a = ArgMax<axis=1>(s) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        soft("w4"),
        of("w4"),
        soft("w4"),
    ),
    Form(
        "label-of-logits",
        Z4 + "a = ArgMax<axis=1>(z) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
    ),
    Form(
        "smallest-wins",
        Z4 + "a = ArgMin<axis=1>(z) out = Cast<to=11>(a)",
        1,
        "classes",
        (4,),
        None,
        of("w4", -1),
        of("w4", -1),
    ),
    Form(
        "threshold",
        Z1 + "s = Sigmoid(z) g = Greater(s, half) out = Cast<to=11>(g)",
        1,
        "yes-no",
        (1,),
        lambda out, z: expit(z["w1"]),
        of("w1"),
        lambda out, z: expit(z["w1"]),
    ),
    Form(
        "below-threshold-zero",
        Z4 + "s = Sigmoid(z) g = Less(s, half) out = Where(g, zero, s)",
        4,
        "labels",
        (4,),
        lambda out, z: expit(z["w4"]),
        of("w4"),
        lambda out, z: expit(z["w4"]),
    ),
    Form(
        "marks-of-the-label",
        Z4 + "i = ArgMax<axis=1, keepdims=0>(z) h = OneHot(i, four, marks) out = Cast<to=11>(h)",
        4,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
        extra={"four": np.array(4), "marks": np.array([0, 1], np.float32)},
    ),
    Form(
        "marks-of-the-largest",
        Z4 + "m = ReduceMax<axes=[1]>(z) e = Equal(z, m) out = Cast<to=11>(e)",
        4,
        "classes",
        (4,),
        None,
        of("w4"),
        of("w4"),
    ),
    Form(
        "divided-by-the-sum",
        Z4 + "s = Relu(z) a = Add(s, one) t = ReduceSum(a, l1) out = Div(a, t)",
        4,
        "classes",
        (4,),
        same,
    ),
    Form(
        "background-off-and-normalised",
        Z4 + "p = Softmax<axis=1>(z) s = Slice(p, l1, l4, l1) t = ReduceSum(s, l1) out = Div(s, t)",
        3,
        "classes",
        (3,),
        same,
    ),
    Form(
        "weighted-average",
        Z4 + "y = MatMul(f, v4) p = Softmax<axis=1>(z) q = Softmax<axis=1>(y) r = Mul(p, most) "
        "s = Mul(q, rest) out = Add(r, s)",
        4,
        "classes",
        (4,),
        same,
        extra={"most": np.array(0.7), "rest": np.array(0.3)},
    ),
    Form(
        "noisy-or",
        Z4 + "s = Sigmoid(z) n = Sub(one, s) q = ReduceProd<axes=[1]>(n) out = Sub(one, q)",
        1,
        "yes-no",
        (1,),
        same,
    ),
    Form(
        "softmax-of-log-softmax",
        Z4 + "p = LogSoftmax<axis=1>(z) out = Softmax<axis=1>(p)",
        4,
        "classes",
        (4,),
        same,
        of("w4"),
    ),
    Form("sum-of-sigmoids", Z4 + "s = Sigmoid(z) out = ReduceSum(s, l1)", 1, "values", (1,)),
    Form("logits", "out = MatMul(f, w4)", 4, "classes", (4,), None, of("w4")),
    Form("one-logit", "out = MatMul(f, w1)", 1, "values", (1,), None, of("w1")),
    Form("age", Z1 + "r = Relu(z) out = Mul(r, forty)", 1, "values", (1,)),
    Form("scaled-sigmoid", Z1 + "s = Sigmoid(z) out = Mul(s, forty)", 1, "values", (1,)),
    Form("standardised", Z1 + "s = Mul(z, six) out = Add(s, forty)", 1, "values", (1,)),
    Form("angle", Z1 + "s = Tanh(z) out = Mul(s, forty)", 1, "values", (1,)),
    Form(
        "unit",
        Z4 + "n = ReduceL2<axes=[1]>(z) c = Clip(n, tiny) e = Expand(c, sh14) out = Div(z, e)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12), "sh14": np.array([1, 4])},
    ),
    Form(
        "unit-max",
        Z4 + "n = ReduceL2<axes=[1]>(z) c = Max(n, tiny) out = Div(z, c)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12)},
    ),
    Form(
        "unit-written",
        Z4 + "q = Mul(z, z) n = ReduceSum(q, l1) a = Add(n, tiny) r = Sqrt(a) i = Reciprocal(r) "
        "out = Mul(z, i)",
        4,
        "embedding",
        (4,),
        extra={"tiny": np.array(1e-12)},
    ),
]
BY_NAME = {form.name: form for form in FORMS}


def _made(form: Form):
    size = "" if form.columns is None else f",{form.columns}"
    return model(
        f"{VECTOR} {form.body}", [f"{form.dtype}[N{size}] out"], opset=form.opset, extra=form.extra
    )


@pytest.mark.parametrize("name", BY_NAME)
def test_every_reading_is_what_the_file_says(name):
    form = BY_NAME[name]
    made = _made(form)
    picture = pictures(made)
    found = opened(made)
    answer = found.only
    assert (answer.task, answer.shape, answer.axis) == (form.task, form.shape, 0)
    tensors = values(found.graph, picture)
    (out,) = file_says(made, picture)
    flat = picture.reshape(BATCH, -1).astype(np.float64)
    numbers = {
        n: flat @ w for n, w in constants().items() if w.ndim == 2 and len(w) == flat.shape[1]
    }
    np.testing.assert_allclose(answer.raw.read(tensors), form.raw(out, numbers), **TIGHT)
    for reading, truth in ((answer.probability, form.probability), (answer.logit, form.logit)):
        assert (reading is None) == (truth is None)
        if reading is not None:
            np.testing.assert_allclose(reading.read(tensors), truth(out, numbers), **TIGHT)


@pytest.mark.parametrize(
    "name", ["joined-sigmoids", "background-off", "percent", "minus-log-softmax", "yes-and-no"]
)
@pytest.mark.parametrize("which", ["probability", "logit"])
def test_slopes_are_those_of_the_readings(name, which, rng):
    found = opened(_made(BY_NAME[name]))
    tensors = values(found.graph, pictures(_made(BY_NAME[name])))
    reading = getattr(found.only, which)
    weights = rng.normal(size=reading.read(tensors).shape)
    slopes = reading.slopes(tensors, weights)
    step = 1e-6
    for tensor in reading.tensors:
        direction = rng.normal(size=tensors[tensor].shape)
        up, down = (
            (weights * reading.read({**tensors, tensor: tensors[tensor] + s * direction})).sum()
            for s in (step, -step)
        )
        expected = float((slopes[tensor] * direction).sum())
        np.testing.assert_allclose((up - down) / (2 * step), expected, rtol=1e-7, atol=1e-8)
