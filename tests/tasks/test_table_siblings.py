"""Rarer endings of the kinds in the table of tasks, against ONNX Runtime and NumPy alone."""

from __future__ import annotations

import numpy as np
import pytest
from heads import MAPS, VECTOR, model
from scipy.special import expit, softmax
from tasks import test_table as table
from tasks.rows import COVERED, PICTURE, RECIPE, Row, numbers, places, two_sided
from tasks.test_table import dense, maps, said_by_the_file, sides, soft, vector

import onnxplain
from onnxplain.errors import UnsupportedModelError, UsageError

Z4, Z1, Z2 = "z = MatMul(f, w4) ", "z = MatMul(f, w1) ", "z = MatMul(f, w2) "
Y4 = "y = MatMul(f, v4) "
P1 = f"{Z1} s = Sigmoid(z) "
P4 = f"{Z4} s = Softmax<axis=1>(z) "
LABEL, NUMBER, FOUR = "bool[N,1] out", "double[N,1] out", "double[N,4] out"
FLAT = {"flat": np.array([-1])}
PROBABLE = ("classes", "probability")


def yes(outputs, x):
    return two_sided(expit(numbers(x)["w1"][0]), "probability")


def no(outputs, x):
    return yes(outputs, x)[::-1]


def four(outputs, x):
    return softmax(numbers(x)["w4"][0])


def smallest(outputs, x):
    return -numbers(x)["w4"][0]


def labels(outputs, x):
    return expit(numbers(x)["w4"][0])


def likely(outputs, x):
    return softmax(smallest(outputs, x))


def yes_no(name, truth, body, output=LABEL, **options):
    return vector(name, "yes-no", "probability", truth, P1 + body, output, **options)


DIRECTIONS = [
    yes_no("below-is-yes", no, "out = Less(s, half)"),
    yes_no("limit-first", no, "out = Greater(half, s)"),
    yes_no("limit-first-below", yes, "out = LessOrEqual(half, s)"),
    yes_no("not", no, "g = Greater(s, half) out = Not(g)"),
    yes_no("one-minus-label", no, "g = Greater(s, half) c = Cast<to=11>(g) out = Sub(one, c)",
           NUMBER),
    yes_no("marks-turned", no, "g = Greater(s, half) out = Where(g, zero, one)", NUMBER),
    yes_no("marks-turned-twice", yes, "g = Greater(s, half) n = Not(g) out = Where(n, zero, one)",
           NUMBER),
    yes_no("rounded", yes, "out = Round(s)", NUMBER),
    yes_no("rounded-squeezed", yes, "q = Squeeze(s, l1) out = Round(q)", "double[N] out"),
    yes_no("rounded-opposite", no, "r = Round(s) out = Sub(one, r)", NUMBER),
    yes_no("rounded-by-floor", yes, "a = Add(s, half) out = Floor(a)", NUMBER),
    yes_no("whole-number", yes, "a = Add(s, half) out = Cast<to=7>(a)", "int64[N,1] out"),
    yes_no("percent-below", no, "p = Mul(s, hundred) out = Less(p, forty)"),
    yes_no("opposite-below", yes, "n = Sub(one, s) out = Less(n, half)"),
    yes_no("sure-of-either", yes, "n = Sub(one, s) out = Max(s, n)", NUMBER),
    vector("labels-below", "labels", "probability", lambda o, x: 1 - labels(o, x),
           f"{Z4} s = Sigmoid(z) out = Less(s, half)", "bool[N,4] out"),
    vector("column-below", "yes-no", "probability",
           lambda o, x: two_sided(1 - four(o, x)[2:3], "probability"),
           f"{P4} c = Gather<axis=1>(s, l2) out = Less(c, half)", LABEL),
    vector("second-of-two-above", *PROBABLE, lambda o, x: softmax(numbers(x)["w2"][0]),
           f"{Z2} s = Softmax<axis=1>(z) c = Gather<axis=1>(s, l1) out = Greater(c, half)", LABEL),
    vector("least-probable", "classes", "logit", smallest,
           f"{P4} a = ArgMin<axis=1>(s) out = Cast<to=11>(a)", NUMBER),
    vector("least-loss", *PROBABLE, four,
           f"{Z4} s = LogSoftmax<axis=1>(z) n = Neg(s) a = ArgMin<axis=1>(n) "
           "out = Cast<to=11>(a)", NUMBER),
    vector("nearest-declared", *PROBABLE, likely,
           f"{Z4} a = ArgMin<axis=1>(z) out = Cast<to=11>(a)", NUMBER, said={"scores": "logits"}),
    vector("marks-of-the-smallest", "classes", "logit", smallest,
           f"{Z4} m = ReduceMin<axes=[1]>(z) e = Equal(z, m) out = Cast<to=11>(e)"),
    vector("logit-above", "yes-no", "logit", lambda o, x: two_sided(numbers(x)["w1"][0], "logit"),
           f"{Z1} out = Greater(z, zero)", LABEL),
    vector("logit-below-declared", "yes-no", "probability", no, f"{Z1} out = Less(z, zero)", LABEL,
           said={"scores": "logits"}),
    vector("sign", "yes-no", "logit", lambda o, x: two_sided(numbers(x)["w1"][0], "logit"),
           f"{Z1} out = Sign(z)", NUMBER),
    vector("value-below", "values", "value", lambda o, x: numbers(x)["w1"][0],
           f"{Z1} out = Less(z, half)", LABEL),
    vector("distance-below", "values", "value", lambda o, x: np.abs(numbers(x)["w1"][0]),
           f"{Z1} a = Abs(z) out = Less(a, half)", LABEL),
    vector("logits-above", "labels", "probability", labels, f"{Z4} out = Greater(z, zero)",
           "bool[N,4] out", said={"scores": "logits"}),
]  # fmt: skip

RANKS = [
    vector("best-two-shared-out", *PROBABLE, four,
           f"{P4} v, i = TopK(s, l2) t = ReduceSum(v, l1) out = Div(v, t)", "double[N,2] out"),
    vector("softmax-of-ranks", "classes", "logit", lambda o, x: -smallest(o, x),
           f"{Z4} v, i = TopK(z, l2) out = Softmax<axis=1>(v)", "double[N,2] out"),
    vector("sigmoid-of-ranks", "classes", "logit", lambda o, x: -smallest(o, x),
           f"{Z4} v, i = TopK(z, l4) out = Sigmoid(v)"),
    vector("picked-by-label", *PROBABLE, four,
           f"{P4} i = ArgMax<axis=1>(s) out = GatherElements<axis=1>(s, i)", NUMBER),
    vector("nearest-by-length", "classes", "logit", lambda o, x: -np.abs(smallest(o, x)),
           f"{Z4} a = Abs(z) i = ArgMin<axis=1>(a) out = Cast<to=11>(i)", NUMBER),
]  # fmt: skip

MIXTURES = [
    vector("spread-over-classes", *PROBABLE, said_by_the_file,
           f"{P4} p = Mul(s, most) out = Add(p, rest)",
           extra={"most": np.array(0.9), "rest": np.array(0.025)}),
    yes_no("spread-over-yes-and-no", lambda o, x: two_sided(o[0][0], "probability"),
           "p = Mul(s, most) out = Add(p, rest)", NUMBER,
           extra={"most": np.array(0.98), "rest": np.array(0.01)}),
    vector("gated", *PROBABLE, said_by_the_file,
           f"{Z4}{Y4} g0 = MatMul(f, w2) g = Softmax<axis=1>(g0) s = Softmax<axis=1>(z) "
           "t = Softmax<axis=1>(y) a = Slice(g, l0, l1, l1) b = Slice(g, l1, l2, l1) "
           "u = Mul(s, a) v = Mul(t, b) out = Add(u, v)"),
    vector("product-of-experts", "values", "value", said_by_the_file,
           f"{P4}{Y4} t = Softmax<axis=1>(y) out = Mul(s, t)"),
    vector("two-sigmoids-of-one-logit", *PROBABLE, said_by_the_file,
           f"{P1} m = Neg(z) n = Sigmoid(m) out = Concat<axis=1>(n, s)", "double[N,2] out"),
    vector("scaled-declared", "yes-no", "probability", yes, f"{P1} out = Mul(s, forty)", NUMBER,
           said={"task": "yes-no"}),
    vector("scaled-labels-declared", "labels", "probability", labels,
           f"{Z4} s = Sigmoid(z) out = Mul(s, forty)",
           said={"task": "labels", "scores": "probabilities"}),
]  # fmt: skip

BATCHES = [
    row
    for batch in ("N", 1)
    for row in (
        vector(f"bare-softmax-{batch}", *PROBABLE, four,
               f"{Z4} r = Reshape(z, flat) out = Softmax<axis=0>(r)" if batch == 1 else
               f"{P4} out = Reshape(s, flat)", "double[M] out", batch=batch, extra=FLAT),
        vector(f"bare-labels-{batch}", "labels", "probability", labels,
               f"{Z4} s = Sigmoid(z) out = Reshape(s, flat)", "double[M] out", batch=batch,
               extra=FLAT),
        vector(f"bare-logits-{batch}", "classes", "logit", lambda o, x: -smallest(o, x),
               f"{Z4} out = Reshape(z, flat)", "double[M] out", batch=batch, extra=FLAT),
    )
]  # fmt: skip
FIVE = "z = MatMul(h, m5) "
ROWS = {"rows": np.array([-1, 5])}
DENSE = [
    *(
        dense(f"steps-in-rows-{batch}", *PROBABLE, maps(soft, shape=(5, 36)),
              f"{FIVE} r = Reshape(z, rows) out = Softmax<axis=1>(r)", "double[M,5] out", (36,),
              batch=batch, extra=ROWS)
        for batch in ("N", 1)
    ),
    dense("steps-in-rows-labels", "classes", "logit", maps(lambda z: z, shape=(5, 36)),
          f"{FIVE} r = Reshape(z, rows) out = ArgMax<axis=1, keepdims=0>(r)", "int64[M] out",
          (36,), extra=ROWS),
    dense("mask-below", "yes-no", "probability", maps(lambda z: sides(z)[::-1], "m1"),
          "z = MatMul(h, m1) s = Sigmoid(z) g = Less(s, half) out = Cast<to=2>(g)",
          "uint8[N,6,6,1] out", (6, 6)),
    dense("mask-rounded", "yes-no", "probability", maps(sides, "m1"),
          "z = MatMul(h, m1) s = Sigmoid(z) out = Round(s)", "double[N,6,6,1] out", (6, 6)),
]  # fmt: skip


@pytest.mark.parametrize("row", DIRECTIONS + RANKS + MIXTURES + BATCHES, ids=lambda row: row.name)
def test_a_vector_of_numbers(row):
    table.test_a_vector_of_numbers(row)


@pytest.mark.parametrize("row", DENSE, ids=lambda row: row.name)
def test_numbers_at_places(row):
    table.test_numbers_at_places(row)


def test_a_direction_at_each_place_is_no_embedding():
    made = model(
        f"{MAPS} {FIVE} n = ReduceL2<axes=[3]>(z) out = Div(z, n)", ["double[N,6,6,5] out"]
    )
    length = maps(lambda z: z / np.sqrt((z**2).sum(axis=0, keepdims=True)))
    row = Row("directions", made, "values", "mean value", length)
    found = onnxplain.load(made, preprocess=RECIPE)
    assert found.task.name == "values"
    table.compare(
        found.explain(PICTURE, "occlusion", "3@1,4", **COVERED), row, lambda n: n[3, 1, 4]
    )


RGB = {"m3": np.random.default_rng(9).normal(size=(3, 3))}
WIDE = {"m12": np.random.default_rng(9).normal(size=(3, 12))}
DRAWN = [
    ("restored", "z = MatMul(h, m3) out = Sigmoid(z)", "double[N,6,6,3] out", RGB, "labels"),
    ("drawn", "z = MatMul(h, m3) t = Tanh(z) a = Add(t, one) out = Mul(a, forty)",
     "double[N,6,6,3] out", RGB, "labels"),
    ("enlarged", "z = MatMul(h, m12) t = Transpose<perm=[0,3,1,2]>(z) "
     "e = DepthToSpace<blocksize=2>(t) out = Sigmoid(e)", "double[N,3,12,12] out", WIDE, "labels"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "output", "extra", "task"), DRAWN)
def test_a_picture_is_no_label_until_declared(name, body, output, extra, task):
    made = model(f"{MAPS} {body}", [output], extra=extra)
    found = onnxplain.load(made, preprocess=RECIPE)
    said = found.predict(PICTURE)
    assert (found.task.name, said.unit, list(said.kinds)) == ("values", "mean value", ["raw"])
    assert any("may be a picture" in text and "--task" in text for text in found.warnings)
    row = Row(name, made, task, "area", lambda outputs, x: None)
    (out,) = row.outputs(table.X)
    channels = out[0] if "3,12" in output else out[0].transpose(2, 0, 1)
    np.testing.assert_allclose(said.scores, channels.reshape(3, -1).mean(axis=1), rtol=1e-10)
    declared = onnxplain.load(made, preprocess=RECIPE, task=task)
    at = declared.predict(PICTURE, position=(2, 1))
    share = channels[:, 2, 1] / (80 if name == "drawn" else 1)
    np.testing.assert_allclose(at.probabilities, share, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "channels"), [("depth", 3), ("disp_0", 3), ("out", 1)], ids=lambda v: str(v)
)
def test_one_sigmoid_at_each_place_may_be_no_mask(name, channels):
    made = model(
        f"{MAPS} p = ReduceMean<axes=[3]>(h) {name} = Sigmoid(p)", [f"double[N,6,6,1] {name}"]
    )
    recipe = RECIPE
    if channels == 1:
        made.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
        recipe = onnxplain.load(made, preprocess="zero-one").preprocess
    found = onnxplain.load(made, preprocess=recipe)
    assert found.task.name == "yes-no"
    assert any("--task values" in text for text in found.warnings)


def test_a_mask_of_a_colour_picture_raises_no_doubt():
    made = model(f"{MAPS} z = MatMul(h, m1) out = Sigmoid(z)", ["double[N,6,6,1] out"])
    assert not onnxplain.load(made, preprocess=RECIPE).warnings


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("p = Pow(s, two) out = Mul(p, forty)", {"task": "yes-no", "scores": "probabilities"}),
        ("out = Sub(z, forty)", {"scores": "probabilities"}),
    ],
)
def test_declared_probabilities_lie_between_zero_and_one(body, said):
    made = model(f"{VECTOR} {P1} {body}", [NUMBER])
    with pytest.raises(UsageError, match=r"numbers run from .* declare --scores logits, or raw"):
        onnxplain.load(made, preprocess=RECIPE, **said)


def test_a_number_between_zero_and_one_may_be_a_probability():
    made = model(f"{VECTOR} {P1} out = Pow(s, two)", [NUMBER])
    found = onnxplain.load(made, preprocess=RECIPE)
    assert (found.task.name, found.predict(PICTURE).unit) == ("values", "value")
    assert any("--scores probabilities" in text for text in found.warnings)
    with pytest.raises(UsageError, match=r"nothing says from which number .* means yes"):
        onnxplain.load(made, preprocess=RECIPE, task="yes-no")


@pytest.mark.parametrize(
    ("body", "outputs", "words", "batch"),
    [
        ("k = Identity(f) out = Constant<value_floats=[0.5,0.5]>()", ["float[2] out"],
         "nothing of the picture", "N"),
        (f"{P4} out = Reshape(s, flat)", ["double[8] out"],
         "a batch of 2 inputs shares an axis", 2),
        (f"{Z1} r = Round(z) out = Cast<to=7>(r)", ["int64[N,1] out"],
         "explain the numbers as they are with --task values", "N"),
    ],
)  # fmt: skip
def test_what_says_nothing_of_one_picture_is_refused(body, outputs, words, batch):
    made = model(f"{VECTOR} {body}", outputs, batch=batch, extra=FLAT)
    with pytest.raises(UnsupportedModelError, match=words) as caught:
        onnxplain.load(made, preprocess=RECIPE)
    assert "\n" not in str(caught.value)


def test_text_alone_leads_to_the_scores():
    names = 'keys_int64s=[0,1,2,3], values_strings=["a","b","c","d"]'
    made = model(
        f"{VECTOR} {Z4} i = ArgMax<axis=1, keepdims=0>(z) "
        f"out = ai.onnx.ml.LabelEncoder<{names}>(i)",
        ["string[N] out"],
    )
    row = Row("text", made, "classes", "logit", lambda outputs, x: numbers(x)["w4"][0])
    found = onnxplain.load(made, preprocess=RECIPE)
    table.close(found.predict(PICTURE).scores, row.says(table.X), row)
    table.compare(found.explain(PICTURE, "occlusion", 1, **COVERED), row, table.aimed(row, 1))


@pytest.mark.parametrize("order", [("bbox", "cls"), ("cls", "bbox")])
def test_classes_come_before_positions(order):
    body = f"{VECTOR} {P4}{Y4} bbox = Sigmoid(y) cls = Identity(s)"
    found = onnxplain.load(model(body, [f"double[N,4] {n}" for n in order]), preprocess=RECIPE)
    assert (found.task.name, found.task.answer.output) == ("classes", "cls")


@pytest.mark.parametrize("hidden", ["last_hidden_state", "feature_map"])
def test_what_is_named_as_features_is_no_class(hidden):
    body = (
        f"{MAPS} f = Flatten(d) {hidden} = MatMul(h, m5) z = MatMul(f, w4) pooler_output = Tanh(z)"
    )
    outputs = [f"double[N,6,6,5] {hidden}", "double[N,4] pooler_output"]
    found = onnxplain.load(model(body, outputs), preprocess=RECIPE)
    assert (found.task.name, found.task.answer.output) == ("embedding", "pooler_output")
    other = onnxplain.load(model(body, outputs), preprocess=RECIPE, output=hidden)
    assert other.task.name == "values"
    expected = places(table.X, "m5").reshape(5, -1).mean(axis=1)
    np.testing.assert_allclose(other.predict(PICTURE).scores, expected, rtol=1e-10)
