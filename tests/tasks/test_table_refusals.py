"""What the table of tasks refuses in one line, and elements of tensors that are named by hand."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from heads import MAPS, VECTOR, model
from PIL import Image
from tasks.rows import COVERED, PICTURE, RECIPE, Row, X, numbers, places
from tasks.test_table import compare

import onnxplain
from onnxplain.errors import UnsupportedModelError, UsageError
from tests.cli.conftest import explain as explain
from tests.cli.conftest import run as run
from tests.cli.test_failures import require_one_line
from tests.graph.answers.test_detectors import DETECTORS, outputs_of_shapes

FEW = {**DETECTORS, "v5-640": ({"o": (252, 85)}, (64, 64), {}), "v5-wide": None}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(PICTURE).save(path)
    return path


@pytest.mark.parametrize("name", [n for n, row in FEW.items() if row is not None])
def test_boxes_are_refused_in_one_line(name, explain, picture, tmp_path):
    shapes, size, activations = FEW[name]
    onnx.save(outputs_of_shapes(shapes, size, activations), tmp_path / "m.onnx")
    found = explain("-m", "occlusion", model=tmp_path / "m.onnx", images=[picture])
    require_one_line(found, 3, "is a detector", "its boxes cannot be read")
    assert not explain.folder.exists()


def test_metadata_makes_a_detector(explain, picture, tmp_path):
    made = outputs_of_shapes({"output0": (9, 64)}, (64, 64))
    onnx.helper.set_model_props(made, {"task": "detect", "names": str(dict(enumerate("abcde")))})
    onnx.save(made, tmp_path / "m.onnx")
    found = explain(
        "-m", "gradient", "-t", "top-1@5", model=tmp_path / "m.onnx", images=[picture]
    )  # fmt: skip
    require_one_line(found, 3, "the model's metadata says that it detects objects")


def test_a_coordinate_of_a_box_is_explained_by_hand():
    shapes, size, activations = DETECTORS["detr"]
    made = outputs_of_shapes(shapes, size, activations)
    with pytest.raises(UnsupportedModelError, match="NAME"):
        onnxplain.load(made, preprocess="zero-one")
    opened = onnxplain.load(made, preprocess="zero-one", task="values", output="boxes")
    found = opened.explain(PICTURE, "occlusion", "boxes[3, 2]")
    x = opened.read(PICTURE).x
    boxes = opened.network.ort.activations(x, ["boxes"])["boxes"]
    assert found.score == pytest.approx(float(boxes[0, 3, 2]), rel=1e-6)
    assert found.target.unit == "value"


WHOLE = [
    f"{VECTOR} z = MatMul(f, w4) g = Greater(z, zero) out = Cast<to=7>(g)",
    f"{VECTOR} z = MatMul(f, w4) r = Round(z) out = Cast<to=7>(r)",
]


def test_whole_numbers_without_scores_are_refused():
    made = model(WHOLE[1], ["int64[N,4] out"])
    with pytest.raises(UnsupportedModelError, match=r"'out' holds no scores .*--output"):
        onnxplain.load(made, preprocess=RECIPE)


BODY = (
    f"{MAPS} z = MatMul(h, m5) t = Transpose<perm=[0,3,1,2]>(z) r = Reshape(t, sh) "
    "s = Transpose<perm=[2,0,1]>(r) g = ReduceMean<axes=[0], keepdims=0>(s) "
    "q = Add(g, one) out = Softmax<axis=1>(q)"
)


def inner():
    return model(BODY, ["double[N,5] out"], extra={"sh": np.array([0, 5, 36])})


ELEMENTS = [
    ("t[2, 1, 4]", lambda z: z[2, 1, 4]),
    ("t[1, 2:4, :3]", lambda z: z[1, 2:4, :3].mean()),
    ("t[-1]", lambda z: z[-1].mean()),
    ("z[3, 2, 1]", lambda z: z[1, 3, 2]),
    ("q[3]", lambda z: z[3].mean() + 1),
]


@pytest.mark.parametrize(("said", "number"), ELEMENTS, ids=[s for s, _ in ELEMENTS])
def test_an_element_of_any_tensor(said, number):
    row = Row("inner", inner(), "classes", "probability", lambda outputs, x: places(x, "m5"))
    found = onnxplain.load(row.made, preprocess=RECIPE).explain(
        PICTURE, "occlusion", said, **COVERED
    )
    assert found.target.unit in ("value", "mean value")
    compare(found, row, number)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "s[3, 2]",
            r"first axis of tensor 's', shape \[36, 1, 5\], is not that of the batch",
        ),
        ("t[9]", r"'t\[9\]' is outside the tensor: 't' has the shape \[5, 6, 6\] for one input"),
        ("t[2:2]", "holds no element"),
        ("t[1.5]", "'t[1.5]'|1.5"),
        ("nothing[0]", "unknown layer 'nothing'"),
        ("ut[0]", "unknown layer 'ut'"),
    ],
)
def test_what_is_no_element(said, words):
    opened = onnxplain.load(inner(), preprocess=RECIPE)
    with pytest.raises(UsageError, match=words):
        opened.explain(PICTURE, "occlusion", said, **COVERED)


@pytest.mark.parametrize("batch", ["N", 1, 2])
def test_an_element_of_scores_that_come_time_first(batch):
    made = model(
        f"{MAPS} z = MatMul(h, m5) r = Reshape(z, sh) out = Transpose<perm=[1,0,2]>(r)",
        [f"double[36,{batch},5] out"],
        batch=batch,
        extra={"sh": np.array([0, 36, 5])},
    )
    row = Row("time", made, "classes", "logit", lambda outputs, x: np.asarray(outputs[0])[:, 0])
    opened = onnxplain.load(made, preprocess=RECIPE)
    compare(
        opened.explain(PICTURE, "occlusion", "out[7, 2]", **COVERED), row, lambda out: out[7, 2]
    )


def test_an_element_of_a_file_without_a_batch():
    made = model(
        f"{VECTOR} z = MatMul(f, w4) s = Softmax<axis=1>(z) out = Gather(s, first)",
        ["double[4] out"],
        batch=1,
        extra={"first": np.array(0)},
    )
    row = Row("bare", made, "classes", "logit", lambda outputs, x: outputs[0])
    opened = onnxplain.load(made, preprocess=RECIPE)
    compare(opened.explain(PICTURE, "occlusion", "out[2]", **COVERED), row, lambda out: out[2])


@pytest.mark.parametrize(
    ("body", "output", "said", "words"),
    [
        ("out = MatMul(f, w4)", "double[N,4] out", {"scores": "percent"}, "allowed: logits"),
        ("out = MatMul(f, w4)", "double[N,4] out", {"task": "yes-no"}, "holds 4 scores"),
        ("out = MatMul(f, w1)", "double[N,1] out", {"task": "classes"}, "declare task yes-no"),
        ("out = MatMul(f, w1)", "double[N,1] out", {"task": "values", "scores": "logits"},
         "the task as well"),
        ("z = MatMul(f, w4) out = Softmax<axis=1>(z)", "double[N,4] out", {"task": "labels"},
         "so one excludes the others"),
        ("z = MatMul(f, w4) out = Softmax<axis=1>(z)", "double[N,4] out", {"scores": "logits"},
         "declare probabilities or raw"),
        ("out = MatMul(f, w4)", "double[N,4] out", {"output": "other"}, "outputs: out"),
    ],
)  # fmt: skip
def test_declarations_that_contradict_the_file(body, output, said, words):
    with pytest.raises(UsageError, match=words) as caught:
        onnxplain.load(model(f"{VECTOR} {body}", [output]), preprocess=RECIPE, **said)
    assert "\n" not in str(caught.value)


def test_the_first_of_several_values_is_not_the_choice():
    made = model(f"{VECTOR} z = MatMul(f, w4) out = Tanh(z)", ["double[N,4] out"])
    opened = onnxplain.load(made, preprocess=RECIPE)
    with pytest.raises(UsageError, match=r"answers 4 values, .* name one with --target"):
        opened.explain(PICTURE, "occlusion", **COVERED)
    for options in ({"margin": True}, {"contrast": 1}):
        with pytest.raises(UsageError, match="no classes that compete"):
            opened.explain(PICTURE, "occlusion", 0, **options, **COVERED)
    low = opened.explain(PICTURE, "occlusion", "not-2", **COVERED)
    assert low.score == pytest.approx(-np.tanh(numbers(X)["w4"][0, 2]), rel=1e-9)


@pytest.mark.parametrize("said", ["top-1@2", "1@2,3", "@everywhere", "1@everywhere"])
def test_a_place_of_an_answer_without_places(said):
    made = model(f"{VECTOR} z = MatMul(f, w4) out = Softmax<axis=1>(z)", ["double[N,4] out"])
    opened = onnxplain.load(made, preprocess=RECIPE)
    with pytest.raises(UsageError, match="no places; drop the position"):
        opened.explain(PICTURE, "occlusion", said, **COVERED)
