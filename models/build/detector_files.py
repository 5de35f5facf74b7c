"""The other forms in which a detector is deployed: with suppression in the file, and int8."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import compose
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

INPUT, OUTPUT = "images", "output0"
# What Ultralytics' exporter takes unless told otherwise.
LEAST_SCORE, MOST_OVERLAP, MOST_BOXES = 0.25, 0.45, 300

_SUPPRESSION = """
<ir_version: 8, opset_import: ["" : 17]>
suppression (float[1, WIDTH, CELLS] raw) => (float[1, MOST, 6] rows)
<int64[2] box_and_scores = {4, CLASSES}, int64[2] halves = {2, 2}, float half = {0.5},
 int64 most = {MOST}, float overlap = {OVERLAP}, float least = {LEAST},
 int64[1] first = {0}, int64[1] second = {1}, int64[1] behind = {3}, int64[1] count = {MOST},
 int64 one = {1}, int64 two = {2}, int64 four = {4}, int64[2] no_rows = {MOST, 6}>
{
  boxes, scores = Split <axis = 1> (raw, box_and_scores)
  box_rows = Transpose <perm = [0, 2, 1]> (boxes)
  centres, sizes = Split <axis = 2> (box_rows, halves)
  reach = Mul (sizes, half)
  left_top = Sub (centres, reach)
  right_bottom = Add (centres, reach)
  corners = Concat <axis = 2> (left_top, right_bottom)
  chosen = NonMaxSuppression (corners, scores, most, overlap, least)
  label_and_cell = Slice (chosen, second, behind, second)
  cells = Gather <axis = 1> (chosen, two)
  labels = Gather <axis = 1> (chosen, one)
  flat_corners = Squeeze (corners, first)
  flat_scores = Squeeze (scores, first)
  chosen_boxes = Gather (flat_corners, cells)
  chosen_scores = GatherND (flat_scores, label_and_cell)
  score_column = Unsqueeze (chosen_scores, second)
  float_labels = Cast <to = 1> (labels)
  label_column = Unsqueeze (float_labels, second)
  found = Concat <axis = 1> (chosen_boxes, score_column, label_column)
  empty = ConstantOfShape (no_rows)
  padded = Concat <axis = 0> (found, empty)
  by_score = Gather <axis = 1> (padded, four)
  best, order = TopK (by_score, count)
  sorted = Gather (padded, order)
  rows = Unsqueeze (sorted, first)
}
"""


def with_suppression(raw: onnx.ModelProto, least: float = LEAST_SCORE) -> onnx.ModelProto:
    """Append a NonMaxSuppression; the output becomes [1, 300, 6] for one picture.

    Rows hold left, top, right, bottom, score and class, the strongest first; rows of zeros follow.
    """
    model = onnx.ModelProto()
    model.CopyFrom(raw)
    (image,), (output,) = model.graph.input, model.graph.output
    for value in (image, output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    width, cells = (d.dim_value for d in output.type.tensor_type.shape.dim[1:])
    text = _SUPPRESSION
    numbers = {"WIDTH": width, "CELLS": cells, "CLASSES": width - 4}
    limits = {"MOST": MOST_BOXES, "OVERLAP": MOST_OVERLAP, "LEAST": least}
    for name, number in {**numbers, **limits}.items():
        text = text.replace(name, str(number))
    tail = compose.add_prefix(onnx.parser.parse_model(text), "nms/")
    tail.ir_version = model.ir_version
    # The raw numbers are no output any more; the rows take its name.
    for node in model.graph.node:
        node.output[:] = ["raw" if name == OUTPUT else name for name in node.output]
    output.name = "raw"
    for node in tail.graph.node:
        node.output[:] = [OUTPUT if name == "nms/rows" else name for name in node.output]
    tail.graph.output[0].name = OUTPUT
    return compose.merge_models(model, tail, io_map=[("raw", "nms/raw")])


class Pictures(CalibrationDataReader):
    """Pictures (N, 3, S, S), one at a time."""

    def __init__(self, x: NDArray[np.float32]) -> None:
        self.inputs: Iterator[NDArray[np.float32]] = iter(x)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        one = next(self.inputs, None)
        return None if one is None else {INPUT: one[None]}


def quantized(raw: onnx.ModelProto, x: NDArray[np.float32]) -> onnx.ModelProto:
    """Static QDQ twin; what makes boxes and scores of the last convolutions stays float.

    Boxes reach 96 and scores 1: one scale for both, in the output that joins them, would leave
    nothing of the scores. Weights have 7 bits, so that processors without VNNI, which add products
    of two in 16 bits, compute the same.
    """
    shares = {name for node in raw.graph.node if node.op_type == "Softmax" for name in node.output}
    expectation = [node.name for node in raw.graph.node if shares.intersection(node.input)]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(raw, source)
        quantize_static(
            source,
            target,
            Pictures(x),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=expectation,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(target)


def found(raw: onnx.ModelProto, x: NDArray[np.float32], least: float) -> list[NDArray[np.float64]]:
    """Boxes (M, 6) that a raw detector finds in each picture."""
    content = with_suppression(raw, least).SerializeToString()
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    rows = [session.run(None, {INPUT: one[None]})[0][0] for one in x]
    return [np.float64(r[r[:, 4] > 0]) for r in rows]
