"""Build models/efficientnet-lite0.onnx: pretrained weights through PyTorch's default exporter."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import torch
from lite0 import SIDE, EfficientNetLite0, load_pretrained
from publish import MODELS, publish

from onnxplain.inputs.preprocess import Preprocess

OPSET = 18
PREPROCESS = Preprocess(
    name="efficientnet-lite",
    layout="NCHW",
    size=(SIDE, SIDE),
    crop_fraction=0.875,
    mean=(127.0,) * 3,
    std=(128.0,) * 3,
)


def export(model: EfficientNetLite0) -> onnx.ModelProto:
    example = torch.zeros(2, 3, SIDE, SIDE)
    program = torch.onnx.export(
        model,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: "N"},),
        verbose=False,
    )
    return program.model_proto


def check(model: EfficientNetLite0, path: str) -> None:
    """Compare ONNX Runtime with PyTorch at a batch size the exporter has not seen."""
    image = torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(image).numpy()
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)
    print(f"largest difference from PyTorch {np.abs(logits - expected).max():.1e}")


def main() -> None:
    torch.set_num_threads(1)
    model = load_pretrained()
    # The names are an input, not something this script can remake: they come from timm.
    labels = json.loads((MODELS / "efficientnet-lite0.labels.json").read_text("utf-8"))
    check(model, str(publish(export(model), "efficientnet-lite0", labels, PREPROCESS)))


if __name__ == "__main__":
    main()
