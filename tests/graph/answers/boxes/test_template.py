"""What a template holds for outputs of such shapes."""

import numpy as np
from seen_boxes import MAPS, seen

from onnxplain.graph.answers.boxes.template import template_of


def test_one_candidate_of_each_usual_cell_may_be_yolox():
    body = f"{MAPS} r = Reshape(m, flat) out = Tile(r, times)"
    sizes = {"flat": np.array([1, 2, 4, 64]), "times": np.array([1, 1, 1, 1])}
    rows = seen(
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) q = MatMul(p, w) out = Reshape(q, s)",
        ["float[N,84,8] out"], w=np.ones((3, 84 * 8), np.float32), s=np.array([-1, 84, 8]),
    )  # fmt: skip
    found = template_of(rows).boxes
    assert (found["boxes"]["form"], found["boxes"]["strides"]) == ("yolox", [8, 16, 32])
    assert found["objectness"]["columns"] == [4, 5]
    assert found["scores"] == {
        "tensor": "out", "axis": 1, "columns": [5, 8], "activation": "sigmoid",
    }  # fmt: skip
    assert template_of(seen(body, ["float[1,2,4,64] out"], **sizes)) is None


def test_labels_beside_boxes_have_no_axis_of_their_own():
    made = seen(
        "p = ReduceMean<axes=[2,3], keepdims=0>(image) b = MatMul(p, w) boxes = Reshape(b, s) "
        "scores = MatMul(p, v) labels = Cast<to=7>(scores)",
        ["float[N,20,4] boxes", "float[N,20] scores", "int64[N,20] labels"],
        w=np.ones((3, 80), np.float32), v=np.ones((3, 20), np.float32), s=np.array([-1, 20, 4]),
    )  # fmt: skip
    found = template_of(made).boxes
    assert found["boxes"] | {"form": "xyxy", "unit": "pixels"} == found["boxes"]
    assert found["labels"] == {"tensor": "labels", "axis": None}
    assert found["scores"] == {"tensor": "scores", "axis": None}
    assert found["overlap"] is None
