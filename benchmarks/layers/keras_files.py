"""Write Keras networks as ONNX with the expert's layer, where keras, tensorflow and tf2onnx are.

``python keras_files.py FOLDER PATTERN`` writes FOLDER/FORM/NETWORK.onnx and FOLDER/NETWORK.npz with
an input and what the expert's layer computes of it (``x``, ``values``, ``layer``), and what could
not be written to FOLDER/not made.json. What is there already is kept. It needs nothing of this
project.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

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


def _calibrate(net: keras.Model) -> None:
    """Let batch normalisation see data."""
    for layer in net._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    rng = np.random.default_rng(1)
    net(rng.standard_normal((8, *net.inputs[0].shape[1:])).astype("float32"), training=True)


def _write(net: keras.Model, opset: int | None, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if opset is None:
        net.export(str(path), format="onnx", verbose=False)
        return
    signature = [tf.TensorSpec((None, *net.inputs[0].shape[1:]), "float32", name="x")]
    function = tf.function(lambda x: net(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(
        function, input_signature=signature, opset=opset, output_path=str(path)
    )


def main(folder: Path, pattern: str) -> None:
    """Write every form of every network, and what its expert's layer computes."""
    record = folder / "not made.json"
    failed = json.loads(record.read_text()) if record.is_file() else {}
    for name, (side, layer) in APPLICATIONS.items():
        missing = {
            form: opset
            for form, opset in FORMS.items()
            if re.search(pattern, f"Keras {name} {form}")
            and not (folder / form / f"{name}.onnx").is_file()
        }
        if not missing:
            continue
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        settings = {"weights": None, "input_shape": (side, side, 3), "classes": 10}
        net = getattr(keras.applications, name)(**settings)
        _calibrate(net)
        x = np.random.default_rng(2).standard_normal((1, side, side, 3)).astype("float32")
        values = keras.Model(net.inputs, net.get_layer(layer).output)(x, training=False)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"{name}.npz", x=x, values=np.asarray(values), layer=layer)
        for form, opset in missing.items():
            path = folder / form / f"{name}.onnx"
            failed.pop(f"{form}/{name}", None)
            try:
                _write(net, opset, path)
            except Exception as error:  # exporters raise anything
                path.unlink(missing_ok=True)
                failed[f"{form}/{name}"] = f"{type(error).__name__}: {error}".splitlines()[0]
    record.write_text(json.dumps(failed, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
