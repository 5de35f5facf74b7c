"""The digits network, and the same quantised."""

from functools import cache
from pathlib import Path

from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

import onnxplain

GAP, RECIPE = "models/digits-gap.onnx", "models/digits-gap.preprocess.json"
DIGIT = "examples/digits/3-10.png"
DIGITS = sorted(Path("examples/digits").glob("*.png"))


@cache
def opened(path):
    return onnxplain.load(path, scores="logits")


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.inputs = iter([{"image": opened(GAP).read(p).x} for p in DIGITS])

    def get_next(self):
        return next(self.inputs, None)


def static(path, form, source=GAP, activation_type=QuantType.QUInt8):
    quantize_static(
        source, path, Calibration(), quant_format=form, per_channel=True,
        activation_type=activation_type, weight_type=QuantType.QInt8,
    )  # fmt: skip
