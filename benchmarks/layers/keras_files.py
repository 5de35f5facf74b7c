"""Write Keras networks as ONNX with the expert's layer, where keras, tensorflow and tf2onnx are.

``python -m benchmarks.layers.keras_files FOLDER PATTERN`` writes FOLDER/FORM/NETWORK.onnx and
FOLDER/NETWORK.npz with an input and what the expert's layer computes of it (``x``, ``values``,
``layer``), and what could not be written to FOLDER/not made.json. What is there already is kept. It
needs nothing of onnxplain.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.keras_export import application, write_missing

# Side of the input, and the layer that Keras's Grad-CAM example or the network's page names: the
# last one that has feature maps. ConvNeXt is left out: ONNX Runtime refuses its files, see
# docs/coverage.md.
APPLICATIONS = {
    "DenseNet121": (64, "relu"),
    "EfficientNetB0": (64, "top_activation"),
    "EfficientNetV2B0": (64, "top_activation"),
    "InceptionV3": (128, "mixed10"),
    "MobileNet": (96, "conv_pw_13_relu"),
    "MobileNetV2": (96, "out_relu"),
    "MobileNetV3Small": (96, "activation_17"),
    "ResNet50": (64, "conv5_block3_out"),
    "ResNet50V2": (64, "post_relu"),
    "VGG16": (64, "block5_conv3"),
    "Xception": (96, "block14_sepconv2_act"),
}
FORMS = {"Keras export": None, "tf2onnx 17": 17}


def main(folder: Path, pattern: str) -> None:
    """Write every form of every network, and what its expert's layer computes."""
    makers = {n: partial(application, n, side) for n, (side, _) in APPLICATIONS.items()}

    def note(name: str, net: keras.Model) -> None:
        side, layer = APPLICATIONS[name]
        x = np.random.default_rng(2).standard_normal((1, side, side, 3)).astype("float32")
        values = keras.Model(net.inputs, net.get_layer(layer).output)(x, training=False)
        np.savez(folder / f"{name}.npz", x=x, values=np.asarray(values), layer=layer)

    write_missing(folder, pattern, makers, FORMS, note)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
