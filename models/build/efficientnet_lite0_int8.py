"""Build models/efficientnet-lite0-int8.onnx: the static int8 QDQ twin of the float model."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from publish import MODELS, ROOT, publish

from onnxplain.inputs.image import open_image
from onnxplain.inputs.preprocess import Preprocess

FLOAT_MODEL = MODELS / "efficientnet-lite0.onnx"
PHOTOS = ROOT / "examples" / "photos"
CROPS_PER_PHOTO = 12


class Crops(CalibrationDataReader):
    """Seeded random square crops of the example photos, one at a time, as model inputs."""

    def __init__(self, preprocess: Preprocess) -> None:
        self.inputs = self.crops(preprocess, np.random.default_rng(0))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.inputs, None)

    @staticmethod
    def crops(preprocess: Preprocess, rng: np.random.Generator) -> Iterator[dict[str, np.ndarray]]:
        for path in sorted(PHOTOS.glob("*.[jp][pn]g")):
            photo = open_image(path)
            for _ in range(CROPS_PER_PHOTO):
                side = int(min(photo.size) * rng.uniform(0.5, 1.0))
                left = int(rng.integers(photo.width - side + 1))
                top = int(rng.integers(photo.height - side + 1))
                crop = photo.crop((left, top, left + side, top + side))
                yield {"image": preprocess.apply(crop)}


def quantize(preprocess: Preprocess) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_static(
            FLOAT_MODEL,
            path,
            Crops(preprocess),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(path)


def main() -> None:
    labels = json.loads(FLOAT_MODEL.with_suffix(".labels.json").read_text("utf-8"))
    preprocess = Preprocess.load(FLOAT_MODEL.with_suffix(".preprocess.json"))
    publish(quantize(preprocess), "efficientnet-lite0-int8", labels, preprocess)


if __name__ == "__main__":
    main()
