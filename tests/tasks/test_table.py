"""What the table of tasks promises: every form of answer, against ONNX Runtime and NumPy alone."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from heads import MAPS, VECTOR, model
from scipy.special import expit, softmax
from tasks.rows import (
    COVERED,
    PICTURE,
    RECIPE,
    Row,
    X,
    numbers,
    places,
    row_of,
    two_sided,
    yes_or_no,
)

import onnxplain
from tests.graph.answers import (
    test_activations,
    test_mixtures,
    test_moves,
    test_selections,
    test_values,
)

Z4, Z1 = "z = MatMul(f, w4) ", "z = MatMul(f, w1) "
EXACT = 1e-10
LOGITS = f"{VECTOR} out = MatMul(f, w4)"
ONE_LOGIT = f"{VECTOR} out = MatMul(f, w1)"
FIVE = "z = MatMul(h, m5) t = Transpose<perm=[0,3,1,2]>(z) "
ONE = "z = MatMul(h, m1) t = Transpose<perm=[0,3,1,2]>(z) "


def vector(name, task, unit, truth, body, output="double[N,4] out", *, said=None, **options):
    return Row(name, model(f"{VECTOR} {body}", [output], **options), task, unit, truth, said or {})


def logits(outputs, x):
    return numbers(x)["w4"][0]


def probabilities(outputs, x):
    return softmax(numbers(x)["w4"][0])


def said_by_the_file(outputs, x):
    return np.asarray(outputs[0]).reshape(-1)


VECTORS = [
    row_of(form)
    for tests in (test_activations, test_moves, test_mixtures, test_selections, test_values)
    for form in tests.FORMS
    if form.task != "embedding"
] + [
    vector(
        "one-by-one-maps", "classes", "probability", said_by_the_file,
        Z4 + "r = Reshape(z, sh) out = Softmax<axis=1>(r)", "double[N,4,1,1] out",
        extra={"sh": np.array([-1, 4, 1, 1])},
    ),
    vector(
        "no-batch", "classes", "probability", said_by_the_file,
        Z4 + "s = Softmax<axis=1>(z) out = Gather(s, first)", "double[4] out", batch=1,
        extra={"first": np.array(0)},
    ),
    vector(
        "squeezed-fixed-batch", "yes-no", "probability",
        lambda outputs, x: two_sided(outputs[0][:1], "probability"),
        Z1 + "s = Sigmoid(z) out = Squeeze(s, l1)", "double[4] out", batch=4,
    ),
    vector("declared-softmax", "classes", "probability", probabilities, "out = MatMul(f, w4)",
           said={"scores": "logits"}),
    vector("declared-labels", "labels", "probability", lambda o, x: expit(logits(o, x)),
           "out = MatMul(f, w4)", said={"task": "labels", "scores": "logits"}),
    vector("declared-raw", "classes", "score", logits, "out = MatMul(f, w4)",
           said={"scores": "raw"}),
    vector("declared-values", "values", "value", logits, "out = MatMul(f, w4)",
           said={"task": "values"}),
    vector("softmax-declared-values", "values", "value", probabilities,
           Z4 + "out = Softmax<axis=1>(z)", said={"task": "values"}),
    vector("declared-yes-no", "yes-no", "probability",
           lambda o, x: yes_or_no(numbers(x)["w1"][0]), "out = MatMul(f, w1)",
           "double[N,1] out", said={"task": "yes-no", "scores": "logits"}),
    vector("declared-probability", "yes-no", "probability",
           lambda o, x: two_sided(np.asarray(o[0]).reshape(-1), "probability"),
           Z1 + "s = Tanh(z) t = Abs(s) out = Mul(t, half)", "double[N,1] out",
           said={"task": "yes-no", "scores": "probabilities"}),
    vector("label-declared-softmax", "classes", "probability", probabilities,
           Z4 + "a = ArgMax<axis=1>(z) out = Cast<to=11>(a)", "double[N,1] out",
           said={"scores": "logits"}),
]  # fmt: skip


def dense(name, task, unit, truth, body, output, shape, *, said=None, **options):
    made = model(f"{MAPS} {body}", [output], **options)
    return Row(name, made, task, unit, truth, said or {}, shape)


def maps(activation, weights="m5", shape=None):
    """Truth of a dense answer: classes first, then the places."""

    def truth(outputs, x):
        found = activation(places(x, weights))
        return found if shape is None else found.reshape(shape)

    return truth


def soft(z):
    return softmax(z, axis=0)


def sides(z):
    return np.concatenate([1 - expit(z), expit(z)])


STEPS = {"sh": np.array([0, 36, 5]), "flat": np.array([0, 5, 36])}
DENSE = [
    dense("nchw", "classes", "probability", maps(soft), FIVE + "out = Softmax<axis=1>(t)",
          "double[N,5,6,6] out", (6, 6)),
    dense("nhwc", "classes", "probability", maps(soft), FIVE + "out = Softmax<axis=3>(z)",
          "double[N,6,6,5] out", (6, 6)),
    dense("nchw-logits", "classes", "logit", maps(lambda z: z), FIVE + "out = Identity(t)",
          "double[N,5,6,6] out", (6, 6)),
    dense("nhwc-declared", "classes", "probability", maps(soft), "out = MatMul(h, m5)",
          "double[N,6,6,5] out", (6, 6), said={"scores": "logits"}),
    dense("label-map", "classes", "logit", maps(lambda z: z),
          FIVE + "out = ArgMax<axis=1, keepdims=0>(t)", "int64[N,6,6] out", (6, 6)),
    dense("mask", "yes-no", "probability", maps(sides, "m1"), ONE + "out = Sigmoid(t)",
          "double[N,1,6,6] out", (6, 6)),
    dense("mask-squeezed", "yes-no", "probability", maps(sides, "m1"),
          ONE + "s = Squeeze(t, l1) out = Sigmoid(s)", "double[N,6,6] out", (6, 6)),
    dense("mask-declared", "yes-no", "probability", maps(sides, "m1"),
          ONE + "out = Squeeze(t, l1)", "double[N,6,6] out", (6, 6),
          said={"task": "yes-no", "scores": "logits"}),
    dense("depth", "values", "mean value", maps(lambda z: z, "m1"),
          ONE + "out = Identity(t)", "double[N,1,6,6] out", (6, 6)),
    dense("anomaly-map", "values", "mean value", maps(np.abs, "m1"), ONE + "out = Abs(t)",
          "double[N,1,6,6] out", (6, 6)),
    dense("key-points", "labels", "probability", maps(expit), FIVE + "out = Sigmoid(t)",
          "double[N,5,6,6] out", (6, 6)),
    dense("sequence", "classes", "probability", maps(soft, shape=(5, 36)),
          "z = MatMul(h, m5) r = Reshape(z, sh) out = Softmax<axis=2>(r)",
          "double[N,36,5] out", (36,), extra=STEPS),
    dense("sequence-logits", "classes", "logit", maps(lambda z: z, shape=(5, 36)),
          "z = MatMul(h, m5) out = Reshape(z, sh)", "double[N,36,5] out", (36,), extra=STEPS),
    dense("sequence-classes-first", "classes", "probability", maps(soft, shape=(5, 36)),
          FIVE + "r = Reshape(t, flat) out = Softmax<axis=1>(r)", "double[N,5,36] out", (36,),
          extra=STEPS),
    *(
        dense(f"time-major-{batch}", "classes", "probability", maps(soft, shape=(5, 36)),
              "z = MatMul(h, m5) r = Reshape(z, sh) t = Transpose<perm=[1,0,2]>(r) "
              "out = LogSoftmax<axis=2>(t)", f"double[36,{batch},5] out", (36,), batch=batch,
              extra=STEPS)
        for batch in ("N", 1, 2)
    ),
    dense("time-major-logits", "classes", "logit", maps(lambda z: z, shape=(5, 36)),
          "z = MatMul(h, m5) r = Reshape(z, sh) out = Transpose<perm=[1,0,2]>(r)",
          "double[36,N,5] out", (36,), extra=STEPS),
]  # fmt: skip


def opened(row):
    return onnxplain.load(row.made, preprocess=RECIPE, **row.declared)


def close(found, expected, row):
    """Equal up to the rounding of the type that the file computes in."""
    single = any(o.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for o in _made_of(row))
    scale = max(1.0, float(np.abs(expected).max()))
    bound = 8 * np.finfo(np.float32).eps if single else EXACT
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound * scale)


def _made_of(row):
    inferred = onnx.shape_inference.infer_shapes(row.made)
    return [v for v in inferred.graph.value_info if v.name != "image"] + [*row.made.graph.output]


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row.name)
def test_a_vector_of_numbers(row):
    opened_row = opened(row)
    truth = row.says(X)
    said = opened_row.predict(PICTURE)
    assert (opened_row.task.name, said.unit) == (row.task, row.unit)
    assert ("probability" in said.kinds) == (row.unit == "probability")
    close(said.scores, truth, row)
    best = int(truth.argmax())
    if row.task != "values" or len(truth) == 1:
        default = opened_row.explain(PICTURE, "occlusion", **COVERED)
        if row.task != "values":
            assert default.target.index == best
        compare(default, row, aimed(row, best))
    for k in range(len(truth)):
        found = opened_row.explain(PICTURE, "occlusion", k, **COVERED)
        compare(found, row, aimed(row, k))
        assert (found.target.unit == "probability") == (row.unit == "probability")


@pytest.mark.parametrize("row", DENSE, ids=lambda row: row.name)
def test_numbers_at_places(row):
    opened_row = opened(row)
    truth = row.says(X)
    count = len(truth)
    assert opened_row.task.name == row.task
    assert opened_row.task.answer.places == row.places or row.places == (6, 6)
    winners = truth.argmax(axis=0)
    said = opened_row.predict(PICTURE)
    assert ("probability" in said.kinds) == (row.unit == "probability")
    if row.task == "values":
        close(said.scores, truth.reshape(count, -1).mean(axis=1), row)
        region, best = np.ones_like(winners, bool), 0
    else:
        shares = np.bincount(winners.ravel(), minlength=count) / winners.size
        close(said.scores, shares, row)
        assert said.unit == "area"
        best = int(shares.argmax())
        region = winners == best
    default = opened_row.explain(PICTURE, "occlusion", **COVERED)
    compare(default, row, aimed(row, best, lambda numbers: numbers[:, region].mean(axis=1)))
    place = tuple(n // 2 for n in row.places)
    spelled = ",".join(map(str, place))
    for k in range(count):
        found = opened_row.explain(PICTURE, "occlusion", f"{k}@{spelled}", **COVERED)
        compare(found, row, aimed(row, k, lambda numbers: numbers[(slice(None), *place)]))
    everywhere = opened_row.explain(PICTURE, "occlusion", f"{count - 1}@everywhere", **COVERED)
    means = aimed(row, count - 1, lambda numbers: numbers.reshape(count, -1).mean(axis=1))
    compare(everywhere, row, means)
    at = opened_row.predict(PICTURE, position=place)
    close(at.scores, truth[(slice(None), *place)], row)


def aimed(row, k, read=lambda numbers: numbers):
    """What is explained of class k: a logit above the mean of the others, where classes compete."""

    def number(numbers):
        values = np.asarray(read(numbers))
        if (row.task, row.unit) != ("classes", "logit"):
            return values[k]
        return values[k] - np.delete(values, k).mean()

    return number


def compare(found, row, number):
    """Score and map of an explanation with a plain loop over the file."""
    close(found.score, number(row.says(X)), row)
    expected = row.falls(number)
    single = found.attribution.astype(np.float64)
    # Records hold float32 unless the run is in double precision.
    np.testing.assert_allclose(
        single, expected, rtol=0, atol=2e-6 * max(1.0, np.abs(expected).max())
    )


def test_the_comparison_can_fail():
    row = VECTORS[0]
    found = opened(row).explain(PICTURE, "occlusion", 0, **COVERED)
    with pytest.raises(AssertionError):
        compare(found, row, lambda numbers: numbers[1])


EMBEDDINGS = [
    row_of(form) for form in test_values.FORMS if form.task == "embedding"
] + [
    vector("declared-embedding", "embedding", "value", logits, "out = MatMul(f, w4)",
           said={"task": "embedding"}),
]  # fmt: skip


@pytest.mark.parametrize("row", EMBEDDINGS, ids=lambda row: row.name)
def test_an_embedding(row, tmp_path):
    opened_row = opened(row)
    said = opened_row.predict(PICTURE)
    assert (opened_row.task.name, said.unit, list(said.kinds)) == ("embedding", "value", ["raw"])
    close(said.scores, row.says(X), row)
    with pytest.raises(onnxplain.errors.UsageError, match=r"like=PICTURE or like=VECTOR\.npy"):
        opened_row.explain(PICTURE, "occlusion", **COVERED)
    other = np.array([0.3, -1.0, 2.0, 0.1])
    np.save(tmp_path / "other.npy", other)

    def cosine(numbers):
        return numbers @ other / np.linalg.norm(numbers) / np.linalg.norm(other)

    like = opened_row.explain(PICTURE, "occlusion", f"like={tmp_path / 'other.npy'}", **COVERED)
    assert like.target.unit == "cosine"
    compare(like, row, cosine)
    compare(opened_row.explain(PICTURE, "occlusion", "2", **COVERED), row, lambda n: n[2])


UNDECLARED = [
    ("four numbers", LOGITS, "double[N,4] out", "logit"),
    ("one number", ONE_LOGIT, "double[N,1] out", "value"),
    ("bounded", f"{VECTOR} {Z4} out = Tanh(z)", "double[N,4] out", "value"),
]


@pytest.mark.parametrize(("name", "body", "output", "unit"), UNDECLARED)
def test_what_nobody_declares_is_no_probability_and_says_how_to(name, body, output, unit):
    found = onnxplain.load(model(body, [output]), preprocess=RECIPE)
    said = found.predict(PICTURE)
    assert said.unit == unit
    assert "probability" not in said.kinds
    assert any("--task" in text or "--scores" in text for text in found.warnings)
    with pytest.raises(onnxplain.errors.UsageError, match="--scores logits"):
        said.probabilities  # noqa: B018


@pytest.mark.parametrize(
    "row", [r for r in VECTORS + DENSE + EMBEDDINGS if r.declared], ids=lambda row: row.name
)
def test_a_file_beside_the_model_declares_as_well(row, tmp_path):
    onnx.save(row.made, tmp_path / "m.onnx")
    beside = {**row.declared, "preprocess": RECIPE.to_dict()}
    (tmp_path / "m.onnxplain.json").write_text(json.dumps(beside))
    found = onnxplain.load(tmp_path / "m.onnx")
    assert found.task.name == row.task
    expected = opened(row).predict(PICTURE)
    np.testing.assert_array_equal(found.predict(PICTURE).scores, expected.scores)
    assert found.predict(PICTURE).unit == expected.unit
