"""Store what models/scenes-detector.onnx says of one example, computed in float64.

By ONNX's own reference implementation of the operators::

    PYTHONPATH=. python tests/oracles/make_scenes_detector.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("scenes_detector.json")
EXAMPLE = "scene-1000003.png"


def in_float64(model: onnx.ModelProto) -> onnx.ModelProto:
    """Widen every number; the scales of Resize have to stay."""
    scales = {node.input[2] for node in model.graph.node if node.op_type == "Resize"}
    constants = [
        (node.output[0], node.attribute[0].t)
        for node in model.graph.node
        if node.op_type == "Constant"
    ]
    for name, tensor in [*((t.name, t) for t in model.graph.initializer), *constants]:
        if tensor.data_type == TensorProto.FLOAT and name not in scales:
            wide = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    return model


def main() -> None:
    model = in_float64(onnx.load(ROOT / "models/scenes-detector.onnx"))
    pixels = np.asarray(Image.open(ROOT / "examples/scenes" / EXAMPLE), np.float64)
    x = (pixels / 255).transpose(2, 0, 1)[None]
    (output,) = ReferenceEvaluator(model).run(None, {"images": x})
    assert output.dtype == np.float64
    rows = [[float(f"{number:.9g}") for number in row] for row in output[0]]
    FILE.write_text(json.dumps({"example": EXAMPLE, "output": rows}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
