"""Models with a declaration of a framework inside or beside, and transcriptions of its code."""

from __future__ import annotations

import json

import numpy as np
import onnx
from prepared import SHAPES, classifier, photo
from torchvision.transforms import (
    Compose,
    InterpolationMode,
    Normalize,
    ToTensor,
)

import onnxplain

BILINEAR, BICUBIC = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC


def opened(folder, metadata=(), files=(), size=None, **options):
    proto = classifier(size)
    onnx.helper.set_model_props(proto, dict(metadata))
    onnx.save(proto, folder / "model.onnx")
    for name, content in dict(files).items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)
    return onnxplain.load(folder / "model.onnx", **options)


def torchvision(*steps, mean=(0, 0, 0), std=(1, 1, 1)):
    chain = Compose([*steps, ToTensor(), Normalize(mean, std)])
    return lambda image: chain(image)[None].numpy()


def values(image, size, resample=2, scale=1.0, mean=0.0, std=1.0, order=slice(None)):
    pixels = np.asarray(image.resize(size[::-1], resample), float)[..., order]
    return ((pixels * scale - np.array(mean)) / np.array(std)).transpose(2, 0, 1)[None]


def agree(model, transcribed, shapes=SHAPES):
    for shape in shapes:
        image = photo(*shape)
        expected = transcribed(image)
        found = model.preprocess.apply(image)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-5 * max(1, np.abs(expected).max()))


BGR = [2, 1, 0]
CFG = {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.9,
       "crop_mode": "center", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}  # fmt: skip
YOLO = {"author": "Ultralytics", "task": "classify", "stride": "1", "batch": "1",
        "names": str({k: f"c{k}" for k in range(4)})}  # fmt: skip
